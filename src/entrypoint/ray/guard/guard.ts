import type { Clock } from "../../../common/deadline.ts";
import { RENEW_DEADLINE_S } from "../../../common/protocol/lease-protocol.ts";
import type { GuardProcess } from "./guard-process.ts";

const START_AGAIN_MS = 1000;
const DISMISS_MS = 1000;

export interface GuardSettings {
  readonly clock: Pick<Clock, "bootMs" | "pause">;
  readonly start: () => GuardProcess;
  /** How long Ray may run without a renewal of the head lease, in milliseconds since boot; null: no limit. */
  readonly untilMs: () => number | null;
  /** Called once with the cause each time the guard is lost, and with null when one runs again. */
  readonly onChange: (cause: string | null) => void;
  /** Called if no new guard runs by the time at which the lost one would have killed Ray. */
  readonly onGone: (cause: string) => void;
}

/**
 * Keeps a small process that kills Ray's session when this process is gone. With a deadline, it also does so if the
 * head lease is not renewed in time, even while this process is stopped or its event loop hangs, or after the machine
 * was suspended. If the guard ends or cannot be started, it is started again every second.
 */
export class Guard {
  readonly #settings: GuardSettings;
  readonly #first = Promise.withResolvers<string | null>();
  /** Resolves with null when the first guard runs, otherwise with why it does not. */
  readonly stands = this.#first.promise;
  readonly #over = new AbortController();
  readonly #kept: Promise<void>;
  #process: GuardProcess | null = null;
  #session: number | null = null;
  /** When the lost guard would have killed Ray, in milliseconds since boot; null while a guard runs. */
  #missedFromMs: number | null = null;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    this.#kept = this.#keep();
  }

  /** Sets the session to kill. */
  watch(session: number): void {
    this.#session = session;
    this.#process?.say(`session ${session}`);
  }

  /** The head lease was renewed: without another renewal the session is killed then, in milliseconds since boot. */
  renewed(untilMs: number): void {
    this.#process?.say(`until ${Math.floor(untilMs)}`);
  }

  /** Ends it without harm. To be called when nothing of the session lives any more. */
  async dismiss(): Promise<void> {
    this.#over.abort();
    this.#process?.say("dismissed");
    const gone = new AbortController();
    void this.#settings.clock.pause(DISMISS_MS, gone.signal).then((late) => late && this.#process?.kill());
    await this.#kept;
    gone.abort();
  }

  async #keep(): Promise<void> {
    const { clock, start, untilMs, onChange, onGone } = this.#settings;
    const { signal } = this.#over;
    while (!signal.aborted) {
      this.#process = start();
      const obstacle = await this.#process.stands;
      this.#first.resolve(obstacle);
      if (obstacle === null) this.#introduce();
      const cause = await this.#process.ended;
      this.#process = null;
      if (cause === null || signal.aborted) return;
      if (this.#missedFromMs === null) onChange(cause);
      this.#missedFromMs ??= untilMs() ?? clock.bootMs() + RENEW_DEADLINE_S * 1000;
      const leftMs = this.#missedFromMs - clock.bootMs();
      if (leftMs <= 0) onGone(cause);
      await clock.pause(leftMs > 0 ? Math.min(leftMs, START_AGAIN_MS) : START_AGAIN_MS, signal);
    }
  }

  /** Tells a new guard the session and the deadline. */
  #introduce(): void {
    const untilMs = this.#settings.untilMs();
    if (untilMs !== null) this.renewed(untilMs);
    if (this.#session !== null) this.watch(this.#session);
    if (this.#missedFromMs !== null) this.#settings.onChange(null);
    this.#missedFromMs = null;
  }
}
