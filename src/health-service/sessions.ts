import { SESSION_S } from "../common/protocol/session-protocol.ts";
import { newSecret } from "./cluster/secrets.ts";

/** More pages than anybody has open; the oldest session ends. */
const MAX_SESSIONS = 1000;

/** Pages that may read, since whoever opened them has shown a credential. They are kept in memory alone. */
export class Sessions {
  readonly #now: () => number;
  /** By id, the oldest first. */
  readonly #open = new Map<string, { readonly authorization: string; readonly endsAtMs: number }>();

  /** `now`: milliseconds, monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns its id. `authorization`: what was shown. */
  begin(authorization: string): string {
    const id = newSecret();
    this.#open.set(id, { authorization, endsAtMs: this.#now() + SESSION_S * 1000 });
    const [oldest = ""] = this.#open.keys();
    if (this.#open.size > MAX_SESSIONS) this.#open.delete(oldest);
    return id;
  }

  /** What was shown; undefined where there is no such session (any more). */
  find(id = ""): string | undefined {
    const session = this.#open.get(id);
    return session !== undefined && session.endsAtMs > this.#now() ? session.authorization : undefined;
  }
}
