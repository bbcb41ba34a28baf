import { lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";

export type Answer = (error: NodeJS.ErrnoException | null, address: string) => void;
type Resolve = (name: string, done: Answer) => void;

/**
 * How many threads a process needs that looks names up: a look-up holds one for as long as the name service is silent (10 s
 * and more), and libuv gives look-ups no more than half of them (src/threadpool.c), so that two silent names stop all others
 * at its usual four. To be set as UV_THREADPOOL_SIZE before the first look-up; they cost 0.4 MB and no time (Node 24).
 */
export const THREADS = "64";

/** Those that wait for each name. */
const underWay = new Map<string, Answer[]>();

/** How many names are being looked up just now. */
export const lookupsUnderWay = (): number => underWay.size;

/** By the system's own rules (hosts files, DNS, mDNS), IPv4 alone. Whoever asks for a name that is asked for already shares the answer. */
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

/** `resolve` in the form in which sockets take it. */
export function lookupBy(resolve: Resolve): LookupFunction {
  return (name, { all }, done) =>
    resolve(name, (error, address) => {
      if (all) done(error, error === null ? [{ address, family: 4 }] : []);
      else done(error, address, 4);
    });
}

/** For every connection of this program to a name. */
export const lookup = lookupBy(resolveOnce);
