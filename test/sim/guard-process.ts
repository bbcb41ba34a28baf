import type { GuardProcess as Real } from "../../src/entrypoint/ray/guard/guard-process.ts";
import { Actor } from "./actor.ts";
import type { Place, Scene } from "./place.ts";

/** As in src/entrypoint/ray/guard/guard-process.ts. */
const LOOK_EVERY_MS = 500;

/**
 * The guard's program as a separate process: it is paused and suspended with its container, not with its supervisor.
 */
export class GuardProcess implements Real {
  readonly actor: Actor;
  readonly stands: Promise<string | null>;
  readonly ended: Promise<string | null>;
  readonly #scene: Scene;
  readonly #place: Place;
  /** Its supervisor, which is told only while it runs. */
  readonly #parent: Actor;
  #end: (cause: string | null) => void = () => {};
  #watches = false;
  #untilMs: number | undefined;
  #callOff: () => void = () => {};

  constructor(scene: Scene, place: Place, parent: Actor) {
    this.#scene = scene;
    this.#place = place;
    this.#parent = parent;
    this.actor = new Actor(scene.clock);
    this.ended = new Promise((resolve) => {
      this.#end = (cause) => parent.do(() => resolve(cause));
    });
    const spoke = this.actor.sleep(scene.prng.between(1, 50)).then(() => null);
    this.stands = place.guardBroken ? this.ended : Promise.race([spoke, this.ended]);
    if (place.guardBroken) this.#fail();
    else place.guard = this;
  }

  #fail(): void {
    this.#scene.note("guards that could not be started");
    this.#parent.after(1, () => this.#over("ENOENT"));
  }

  /** A command, which reaches it through the pipe at once. */
  say(word: string): void {
    this.actor.do(() => this.#hear(word));
  }

  kill(): void {
    this.#over("SIGKILL");
  }

  #hear(word: string): void {
    const [what, value] = word.split(" ");
    if (what === "dismissed") this.#over("exit code 0");
    if (what === "session") this.#watches = true;
    if (what === "until") this.#untilMs = Number(value);
    this.#look();
  }

  /**
   * It looks each half second by its timers, which stop while suspended; the time that it compares is the time since
   * boot.
   */
  #look(): void {
    this.#callOff();
    if (!this.#watches || this.#untilMs === undefined) return;
    const leftMs = this.#untilMs - this.#bootMs;
    if (leftMs <= 0) this.#act();
    else this.#callOff = this.actor.after(Math.min(leftMs, LOOK_EVERY_MS), () => this.#look());
  }

  /** It will kill when it looks next. */
  get isLate(): boolean {
    return this.#untilMs !== undefined && this.#untilMs <= this.#bootMs;
  }

  get #bootMs(): number {
    return this.#scene.clock.nowMs + this.#place.upSinceMs;
  }

  #act(): void {
    if (this.#place.gcs !== null) this.#scene.note("GCSes killed by the strict guard");
    this.#place.endRay();
    this.#over(null);
  }

  #over(cause: string | null): void {
    this.actor.kill();
    if (this.#place.guard === this) this.#place.guard = null;
    this.#end(cause);
  }
}
