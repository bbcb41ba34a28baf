/** The outcome of something that may fail in an expected way. A thrown exception means a bug. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });
export const err = <E>(error: E): Result<never, E> => ({ ok: false, error });

/** The union that a table of its words implies: each key is the value of `Tag`, with the facts that its words take. */
export type Members<Tag extends string, Table> = {
  [K in keyof Table]: { readonly [_ in Tag]: K } & Facts<Table[K]>;
}[keyof Table];
type Facts<Words> = Words extends (facts: infer F) => unknown ? Readonly<F> : never;

/** What `work` returns; undefined where it throws, for what the world refuses (a file that is not there, say). */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Makes a forgotten member of a union a compile error; reaching it at run time is a bug. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
