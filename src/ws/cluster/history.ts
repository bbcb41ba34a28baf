import { pause } from "../../common/deadline.ts";
import { type ClusterEvent, ClusterEvents, NodeLines } from "../../common/protocol/events-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Driver } from "../drivers/driver.ts";
import type { LogLine, LogRequest } from "../drivers/log-files.ts";
import { askHealth } from "./snapshot.ts";

export type CalledEvents = Result<readonly ClusterEvent[], string>;

/** What happened after the event with that id, the oldest first; the error is why the health service does not tell. */
export async function eventsAfter(driver: Driver, id: number, limit?: number): Promise<CalledEvents> {
  const path = `/v1/events?after=${id}${limit === undefined ? "" : `&limit=${limit}`}`;
  try {
    const { status, text } = await askHealth(driver, path);
    const answer = status === 200 ? attempt(() => ClusterEvents.parse(JSON.parse(text))) : undefined;
    if (answer === undefined) return err(`it answers ${status}`);
    return ok(answer.events.filter((event) => event !== undefined));
  } catch (error) {
    return err((error as Error).message);
  }
}

/** The last lines that a node's entrypoint sent to the health service; undefined where it has none. */
export async function linesOf(driver: Driver, node: string): Promise<NodeLines | undefined> {
  try {
    const { status, text } = await askHealth(driver, `/v1/nodes/${encodeURIComponent(node)}/log`);
    return status === 200 ? NodeLines.parse(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

const LOOK_EVERY_MS = 1000;

/** The same line by line, and as they come; the times are not known. */
export async function* readReported(
  driver: Driver,
  node: string,
  { follow, tail }: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  let next = 0;
  let most = tail;
  do {
    const answer = await linesOf(driver, node);
    if (answer === undefined) continue;
    const { first, lines } = answer;
    // A service that started anew counts anew.
    const fresh = first + lines.length < next ? lines : lines.slice(Math.max(0, next - first));
    for (const text of fresh.slice(most === undefined ? 0 : Math.max(0, fresh.length - most)))
      yield { time: undefined, text };
    next = first + lines.length;
    most = undefined;
  } while (follow && (await pause(LOOK_EVERY_MS, signal)));
}
