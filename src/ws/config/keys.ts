import * as z from "zod";

/** For a section whose value is no section. */
export const KEYS = { error: "expected keys with values below them" };

export function section<S extends z.ZodRawShape>(shape: S) {
  const keys = z.strictObject(shape, KEYS);
  // Every key may be left out, which the type of a generic shape cannot know.
  return z.prefault(keys, {} as z.input<typeof keys>);
}

/** A key that has `fallback`, as the file would spell it, when it is left out. */
export const withDefault = <S extends z.ZodType>(value: S, fallback: z.input<S>, description: string) =>
  z.prefault(value, fallback).describe(description);

/** A key whose value is found or computed when it is left out. */
export const optional = <S extends z.ZodType>(value: S, example: z.input<S>, description: string) =>
  // Not "examples": zod leaves that out of the JSON Schema of what is transformed.
  value.optional().meta({ description, example });
