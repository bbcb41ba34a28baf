import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";

/** As long as the name service is asked before an address that it gave earlier has to do. */
const PATIENCE_MS = 500;

type Resolve = (
  name: string,
  options: { family: 4 },
  done: (error: Error | null, address: string) => void,
) => void;

/**
 * Looks names up anew each time, since a peer may move, but falls back on the last address where the name service fails or
 * is silent: a HEAD must not lose its lease because Docker's resolver is away for some seconds. IPv4 alone.
 */
export function rememberingLookup(resolve: Resolve = systemLookup): LookupFunction {
  const known = new Map<string, string>();
  return (name, options, done) => {
    let open = true;
    const answer = (error: Error | null, address: string): void => {
      clearTimeout(timer);
      if (open && options.all) done(error, error === null ? [{ address, family: 4 }] : []);
      else if (open) done(error, address, 4);
      open = false;
    };
    const last = known.get(name);
    const timer = last === undefined ? undefined : setTimeout(() => answer(null, last), PATIENCE_MS);
    resolve(name, { family: 4 }, (error, address) => {
      if (error === null) known.set(name, address);
      if (error !== null && last !== undefined) answer(null, last);
      else answer(error, address);
    });
  };
}
