import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";

type Answer = (error: NodeJS.ErrnoException | null, address: string) => void;
type Resolve = (name: string, done: Answer) => void;

/**
 * UV_THREADPOOL_SIZE, to be set before the first lookup, which blocks a thread while the name service is silent (10 s and more).
 * libuv gives lookups half of its threads (src/threadpool.c): of the usual four, two silent names stop all others.
 */
export const THREADS = "64";

const underWay = new Map<string, Answer[]>();

/** The number of lookups in progress. */
export const lookupsUnderWay = (): number => underWay.size;

/** By the system's own rules, IPv4 only. Callers that ask for the same name at the same time share one lookup. */
export const resolveOnce: Resolve = (name, done) => {
  const waiting = underWay.get(name);
  if (waiting !== undefined) return void waiting.push(done);
  const all = [done];
  underWay.set(name, all);
  systemLookup(name, { family: 4 }, (error, address) => {
    underWay.delete(name);
    for (const each of all) each(error, address);
  });
};

const lookupBy =
  (resolve: Resolve): LookupFunction =>
  (name, { all }, done) =>
    resolve(name, (error, address) => {
      if (all) done(error, error === null ? [{ address, family: 4 }] : []);
      else done(error, address, 4);
    });

/** The `lookup` option for all connections of this program. */
export const lookup = lookupBy(resolveOnce);

const PATIENCE_MS = 500;

/**
 * Asks anew each time, since a peer may move. Where the name service fails or is silent the last address has to do: a HEAD must
 * not lose its lease because Docker's resolver is away for some seconds.
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
