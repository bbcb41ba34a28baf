import { type Dispatcher, Pool } from "undici";

export interface Load {
  readonly requestsPerSecond: number;
  /** Milliseconds that 99 of 100 requests stay below. */
  readonly p99Ms: number;
  readonly failed: number;
}

const REQUEST: Dispatcher.DispatchOptions = { path: "/", method: "GET" };

/** Asks `GET /` on `connections` connections, each again as soon as it has its answer, for `forMs`. */
export async function load(origin: string, connections: number, forMs: number): Promise<Load> {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const times: number[] = [];
  let failed = 0;
  const began = performance.now();
  const asker = async (): Promise<void> => {
    for (;;) {
      const sent = performance.now();
      if (sent - began >= forMs) return;
      const status = await ask(pool);
      if (status === 200) times.push(performance.now() - sent);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, asker));
  const seconds = (performance.now() - began) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  const p99Ms = times[Math.floor(times.length * 0.99)] ?? 0;
  return { requestsPerSecond: times.length / seconds, p99Ms, failed };
}

/** The status, or null where there was no answer. The lowest way into undici: the load must cost less than its server. */
function ask(pool: Pool): Promise<number | null> {
  return new Promise((resolve) => {
    let status = 0;
    pool.dispatch(REQUEST, {
      // Undici wants all of these, also those that have nothing to do.
      onRequestStart: () => {},
      onResponseData: () => {},
      onResponseStart: (_controller, statusCode) => {
        status = statusCode;
      },
      onResponseEnd: () => resolve(status),
      onResponseError: () => resolve(null),
    });
  });
}
