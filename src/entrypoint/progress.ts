import type { Role } from "./election/role.ts";
import type { Heartbeat } from "./lease/heartbeat.ts";
import type { Event } from "./output/event.ts";
import { after, type NodeState, type Step } from "./state.ts";

/** Where this node is now; each step that leads elsewhere is told here and to the health service. */
export class Progress {
  readonly #log: (event: Event) => void;
  readonly #heartbeat: Heartbeat;
  #state: NodeState = "deciding";
  #role: Role | null = null;

  constructor(log: (event: Event) => void, heartbeat: Heartbeat) {
    this.#log = log;
    this.#heartbeat = heartbeat;
  }

  get state(): NodeState {
    return this.#state;
  }

  step(step: Step): void {
    const from = this.#state;
    const to = after(from, step);
    this.#state = to;
    this.#role = step.kind === "start" ? step.role : to === "restarting" ? null : this.#role;
    if (from === to) return;
    this.#log({ type: "state", from, to, step });
    this.#heartbeat.enter(to, this.#role);
  }
}
