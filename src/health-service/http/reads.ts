import { monotonicMs, pause } from "../../common/deadline.ts";
import type { Service } from "../service.ts";

/** A text of 2 MiB that is read slowly stays in memory for up to 10 s (server.ts), so at most 20 of them do. */
const MIN_REST_MS = 500;
/** A text that takes 50 ms to make is made at most once in 500 ms. */
const REST_FACTOR = 10;

/**
 * `make` for an expensive text: those who ask while it rests are answered together by the next one, which is no older than their
 * requests, and making it takes at most a tenth of the time.
 */
export function paced(make: () => string): () => Promise<Buffer> {
  let restsUntilMs = 0;
  let next: Promise<Buffer> | null = null;
  const render = async (): Promise<Buffer> => {
    const restMs = restsUntilMs - monotonicMs();
    await (restMs > 0 ? pause(restMs) : null);
    next = null;
    const beganMs = monotonicMs();
    const text = Buffer.from(make());
    restsUntilMs = monotonicMs() + Math.max(MIN_REST_MS, REST_FACTOR * (monotonicMs() - beganMs));
    return text;
  };
  return () => {
    next ??= render();
    return next;
  };
}

/** Readers accept 2 MiB (http.ts); this leaves room for the lease. */
const MAX_LIST = 2 * 1024 * 1024 - 8 * 1024;

/** The body of `GET /v1/cluster`; nodes for which the list has no room are only counted. */
export function clusterText(service: Service): string {
  const all = service.nodes();
  let left = MAX_LIST;
  const nodes = all.filter((node) => {
    left -= Buffer.byteLength(JSON.stringify(node)) + 1;
    return left >= 0;
  });
  const omitted = all.length - nodes.length;
  return `${JSON.stringify({ ...service.view(), ...(omitted > 0 && { omitted }), nodes })}\n`;
}
