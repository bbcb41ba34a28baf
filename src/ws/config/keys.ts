import * as z from "zod/mini";

/** For a section whose value is no section. */
export const KEYS = { error: "expected keys with values below them" };

export function section<S extends z.core.$ZodShape>(shape: S) {
  const keys = z.strictObject(shape, KEYS);
  // Every key may be left out, which the type of a generic shape cannot know.
  return z.prefault(keys, {} as z.input<typeof keys>);
}

/** A key that has `fallback`, as the file would spell it, when it is left out. */
export const withDefault = <S extends z.ZodMiniType>(value: S, fallback: z.input<S>, description: string) =>
  described(z.prefault(value, fallback), { description });

/** A key whose value is found or computed when it is left out. */
export const optional = <S extends z.ZodMiniType>(value: S, example: z.input<S>, description: string) =>
  // Not "examples": zod leaves that out of the JSON Schema of what is transformed.
  described(z.optional(value), { description, example });

/** The same schema, of which that is known from now on. */
export function described<S extends z.ZodMiniType>(schema: S, about: z.core.GlobalMeta): S {
  z.globalRegistry.add(schema, about);
  return schema;
}
