import type { Clock } from "../deadline.ts";

/** What became of a question: an answer, and whose; or what each of them came to. */
export type Asked<P, A> = { readonly by: P; readonly answer: A } | { readonly failures: readonly A[] };

/**
 * Asks several peers of which any may answer: the one that answered last, and all others at once where that one fails, or is silent
 * for half the time. The first answer counts. Nobody is asked twice.
 */
export function askSeveral<P>(peers: readonly P[], clock: Pick<Clock, "now" | "pause">) {
  let last: P | undefined;
  return async <A>(
    timeoutMs: number,
    ask: (peer: P, timeoutMs: number) => Promise<A>,
    isAnswer: (outcome: A) => boolean,
  ): Promise<Asked<P, A>> => {
    const endMs = clock.now() + timeoutMs;
    const failures: A[] = [];
    const begin = async (by: P): Promise<Asked<P, A> | undefined> => {
      const answer = await ask(by, Math.max(1, Math.ceil(endMs - clock.now())));
      if (isAnswer(answer)) return { by, answer };
      failures.push(answer);
      return undefined;
    };
    const favourites = peers.filter((each) => each === last);
    const others = peers.filter((each) => each !== last);
    const first = favourites.map(begin);
    const patienceMs = others.length === 0 ? timeoutMs : timeoutMs / 2;
    const soon = first.length === 0 ? undefined : await orTooLate(firstOf(first), patienceMs, clock);
    const found = soon ?? (await firstOf([...first, ...others.map(begin)]));
    last = found && "by" in found ? found.by : undefined;
    return found ?? { failures };
  };
}

async function orTooLate<T>(work: Promise<T>, ms: number, clock: Pick<Clock, "pause">) {
  const over = new AbortController();
  const late = clock.pause(ms, over.signal).then(() => undefined);
  return Promise.race([work, late]).finally(() => over.abort());
}

/** The first of them that comes to something. */
function firstOf<T>(all: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    for (const each of all) each.then((value) => value !== undefined && resolve(value), reject);
    Promise.all(all).then(() => resolve(undefined), reject);
  });
}
