import type { Clock } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import type { Event } from "./event.ts";
import type { Plan, Role } from "./plan.ts";
import { afterEnd, type Ended, NEWBORN, type Next } from "./restart-policy.ts";
import type { Settled } from "./settle.ts";
import type { Step } from "./state.ts";
import type { RunEnd } from "./supervise.ts";

/** How the whole life of the node ended. */
export type LifeEnd = { readonly kind: "stopped" } | { readonly kind: "failed"; readonly failure: Failure };

export interface LifeWorld {
  readonly clock: Clock;
  readonly log: (event: Event) => void;
  readonly stop: AbortSignal;
  /** Takes the node to its next state (state.ts has the chart). */
  readonly step: (step: Step) => void;
  /** What has to be done once, before the first decision. Null when it went well. */
  readonly prepare: () => Promise<Exclude<Settled, { kind: "role" }> | null>;
  readonly settle: () => Promise<Settled>;
  readonly plan: (role: Role) => Plan;
  readonly supervise: (plan: Plan) => Promise<RunEnd>;
  /** For how long the cluster counted this node as living in the last run; 0 where it never did. Then it is told. */
  readonly takeAliveMs: () => number;
  /** Gives up the lead, where this node has it. */
  readonly stepAside: () => Promise<void>;
  /** Null: no limit. */
  readonly maxRestarts: number | null;
}

/** The life of a node, from the first decision to its end: decide, run Ray in that role until it ends, and again. */
export async function live(world: LifeWorld): Promise<LifeEnd> {
  let history = NEWBORN;
  let settled = (await world.prepare()) ?? (await world.settle());
  for (;;) {
    const ended = settled.kind === "role" ? await run(world, settled.role) : settled;
    const next = afterEnd(ended, history, world.takeAliveMs(), world.maxRestarts);
    if (next.kind === "failed" || next.kind === "stopped") return next;
    history = next.history;
    await prepareRestart(ended, next, world);
    if (!(await world.clock.pause(next.delayMs, world.stop))) return { kind: "stopped" };
    settled = ended.kind === "moved" ? ended.settled : await decideAgain(world);
  }
}

/** Says what happened and what follows, before the pause. */
async function prepareRestart(
  ended: Ended,
  { delayMs, history, stepAside }: Extract<Next, { kind: "again" }>,
  world: LifeWorld,
): Promise<void> {
  if (ended.kind === "trouble") world.log({ type: "trouble", trouble: ended.trouble });
  if (ended.kind === "failed") world.log({ type: "setback", failure: ended.failure });
  world.step({ kind: "restart", delayMs, restarts: history.recent + history.followed });
  if (stepAside) await world.stepAside();
}

function run(world: LifeWorld, role: Role): Promise<RunEnd> {
  world.step({ kind: "start", role });
  return world.supervise(world.plan(role));
}

function decideAgain(world: LifeWorld): Promise<Settled> {
  world.step({ kind: "decide" });
  return world.settle();
}
