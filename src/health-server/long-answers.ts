import type { ServerResponse } from "node:http";

/** What is shorter lies in the kernel's buffer at once, whether it is read or not. */
const LONG = 64 * 1024;
/** Each may have a list of its own, of up to 1 MiB. */
const MOST = 32;

/** Whoever asks for the list and does not read it holds that list in memory; so of those who do, the first go first. */
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
