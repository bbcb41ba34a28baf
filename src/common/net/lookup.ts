import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";

export type Answer = (error: NodeJS.ErrnoException | null, address: string) => void;
type Resolve = (name: string, done: Answer) => void;

/**
 * The number of threads for name lookups. A lookup blocks one thread for as long as the name service is silent (10 s
 * and more), and libuv gives lookups at most half of its threads (src/threadpool.c): with the default of four, two
 * silent names stop all other lookups. Set it as UV_THREADPOOL_SIZE before the first lookup; it costs 0.4 MB and no
 * time (Node 24).
 */
export const THREADS = "64";

/** The callers that wait for each name. */
const underWay = new Map<string, Answer[]>();

/** The number of lookups in progress. */
export const lookupsUnderWay = (): number => underWay.size;

/**
 * By the system's own rules (hosts files, DNS, mDNS), IPv4 only. Callers that ask for the same name at the same time
 * share one lookup.
 */
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

/** `resolve` as the `lookup` option of sockets. */
export function lookupBy(resolve: Resolve): LookupFunction {
  return (name, { all }, done) =>
    resolve(name, (error, address) => {
      if (all) done(error, error === null ? [{ address, family: 4 }] : []);
      else done(error, address, 4);
    });
}

/** The `lookup` option for all connections of this program. */
export const lookup = lookupBy(resolveOnce);
