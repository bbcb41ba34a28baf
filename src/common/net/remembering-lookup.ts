import type { LookupFunction } from "node:net";
import { type Answer, lookupBy, resolveOnce } from "./lookup.ts";

/** As long as the name service is asked before an address that it gave earlier has to do. */
const PATIENCE_MS = 500;

/**
 * Looks names up anew each time, since a peer may move, but falls back on the last address where the name service fails or
 * is silent: a HEAD must not lose its lease because Docker's resolver is away for some seconds.
 */
export function rememberingLookup(resolve = resolveOnce): LookupFunction {
  const known = new Map<string, string>();
  return lookupBy((name, done) => {
    let open = true;
    const answer: Answer = (error, address) => {
      clearTimeout(timer);
      if (open) done(error, address);
      open = false;
    };
    const last = known.get(name);
    const timer = last === undefined ? undefined : setTimeout(() => answer(null, last), PATIENCE_MS);
    resolve(name, (error, address) => {
      if (error === null) known.set(name, address);
      if (error !== null && last !== undefined) answer(null, last);
      else answer(error, address);
    });
  });
}
