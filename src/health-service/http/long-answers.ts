import type { ServerResponse } from "node:http";

/** Shorter answers fit into the kernel's buffer at once, whether the client reads them or not. */
const LONG = 64 * 1024;
/** Each may hold its own list of up to 1 MiB. */
const MOST = 32;

/**
 * A client that asks for the list and does not read it keeps it in memory; of those clients the oldest are closed
 * first.
 */
export class LongAnswers {
  readonly #underWay = new Set<ServerResponse>();

  note(response: ServerResponse, length: number): void {
    if (length < LONG) return;
    const [oldest] = this.#underWay;
    if (this.#underWay.size >= MOST) oldest?.destroy();
    this.#underWay.add(response);
    response.once("close", () => this.#underWay.delete(response));
  }
}
