import type { Clock } from "../../../common/deadline.ts";
import { RENEW_DEADLINE_S } from "../../../common/protocol/lease-protocol.ts";
import type { GuardProcess } from "./guard-process.ts";

const STAND_AGAIN_MS = 1000;
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
  /** Resolves with null when the first guard runs, otherwise with why it does not. */
  readonly stands: Promise<string | null>;
  readonly #settings: GuardSettings;
  readonly #over = new AbortController();
  readonly #kept: Promise<void>;
  #process: GuardProcess | null = null;
  #session: number | null = null;
  /** When the lost guard would have killed Ray, in milliseconds since boot; null while a guard runs. */
  #missedFromMs: number | null = null;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    const first = Promise.withResolvers<string | null>();
    this.stands = first.promise;
    this.#kept = this.#keep(first.resolve);
  }

  /** Sets the session to kill. */
  watch(session: number): void {
    this.#session = session;
    this.#say(`session ${session}`);
  }

  /**
   * The head lease was renewed: without another renewal the session is killed at `untilMs`, in milliseconds since
   * boot.
   */
  renewed(untilMs: number): void {
    this.#say(`until ${Math.floor(untilMs)}`);
  }

  /** Ends it without harm. To be called when nothing of the session lives any more. */
  async dismiss(): Promise<void> {
    this.#over.abort();
    this.#say("dismissed");
    const gone = new AbortController();
    void this.#settings.clock.pause(DISMISS_MS, gone.signal).then((late) => late && this.#process?.kill());
    await this.#kept;
    gone.abort();
  }

  #say(word: string): void {
    this.#process?.say(word);
  }

  async #keep(onFirst: (cause: string | null) => void): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const end = await this.#stand(onFirst);
      if (end === null) return;
      if (!signal.aborted) await this.#settings.clock.pause(this.#miss(end), signal);
    }
  }

  /** Runs one guard until its end. Resolves with why it ended; null if its work was done. */
  async #stand(onFirst: (cause: string | null) => void): Promise<string | null> {
    const guard = this.#settings.start();
    this.#process = guard;
    const cause = await guard.stands;
    onFirst(cause);
    if (cause === null) this.#introduce();
    const end = await guard.ended;
    this.#process = null;
    return end;
  }

  /** Tells a new guard the session and the deadline. */
  #introduce(): void {
    const untilMs = this.#settings.untilMs();
    if (untilMs !== null) this.renewed(untilMs);
    if (this.#session !== null) this.watch(this.#session);
    if (this.#missedFromMs !== null) this.#settings.onChange(null);
    this.#missedFromMs = null;
  }

  /** Returns how long to wait before the next try. */
  #miss(cause: string): number {
    const { clock, untilMs, onChange, onGone } = this.#settings;
    if (this.#missedFromMs === null) onChange(cause);
    this.#missedFromMs ??= untilMs() ?? clock.bootMs() + RENEW_DEADLINE_S * 1000;
    const leftMs = this.#missedFromMs - clock.bootMs();
    if (leftMs <= 0) onGone(cause);
    return leftMs > 0 ? Math.min(leftMs, STAND_AGAIN_MS) : STAND_AGAIN_MS;
  }
}
