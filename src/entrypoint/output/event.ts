import type { Address } from "../../common/address.ts";
import type { RayAuth } from "../../common/auth-token.ts";
import type { Failure } from "../../common/failure.ts";
import type { ReachAnswer } from "../../common/protocol/reach.ts";
import type { Result } from "../../common/result.ts";
import type { Config } from "../config/config.ts";
import type { Misspelt } from "../config/misspelt.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { HeadFact, HealthFact, LeaseFact } from "../election/facts.ts";
import type { Plan } from "../ray/command.ts";
import type { Fault } from "../ray/verdict.ts";
import type { NodeState, Step } from "../state.ts";

/** All that the entrypoint has to say, by its type. `render.ts` puts it into words. */
interface Events {
  started: { version: string; node: string; pid: number };
  /** `alike`: names in the whitelist that may each mean this node. */
  candidate: Pick<Config, "node" | "calledItself" | "alike"> & {
    whitelist: readonly string[];
    place: number;
    nearest: string | null;
  };
  /** This node's whitelist entry names this interface, so Ray uses it. */
  "own-interface": { name: string; address: string };
  /** Never the token itself. `version`: of the installed Ray; `open`: nothing else restricts access either. */
  "ray-auth": Pick<RayAuth, "mode" | "reason"> & { version: string | null; open: boolean };
  misspelt: Misspelt;
  "explicit-head": { explicit: NonNullable<Config["explicitHead"]> };
  health: { url: string; fact: HealthFact };
  heads: { heads: readonly HeadFact[] };
  lease: { fact: LeaseFact };
  /** The address of the lease holder is not in this node's settings, so it is neither asked nor joined. */
  "unlisted-holder": { node: string; address: string };
  decision: { decision: Decision };
  /** A line of output of Ray or pip. */
  said: { by: "ray" | "pip"; line: string };
  installing: { file: string };
  starting: { role: Plan["role"]; command: readonly string[] };
  ready: {
    role: Plan["role"];
    address: Address;
    version: string;
    clusterId: string;
    nodeId: string;
    resources: Readonly<Record<string, number>>;
    tookMs: number;
  };
  /** The WORKER's HEAD does not answer; `cause` is null when it does again. */
  "head-out-of-reach": { head: Address; cause: string | null };
  trouble: { trouble: Fault };
  /** This node leads, where it was in another cluster before: what becomes of that one's actors, jobs and objects. */
  "state-of-cluster": { from: string; to: string };
  /** This HEAD cannot start its Ray, and lets others lead. */
  "stepped-aside": unknown;
  /** A failure that is not the end, since this node has worked before. */
  setback: { failure: Failure };
  state: { from: NodeState; to: NodeState; step: Step };
  /** Sessions of earlier runs, kept for debugging. */
  "sessions-put-aside": { folder: string; names: readonly string[] };
  /** How the health service, dialling back, met this node. */
  "reach-back": { port: number; answer: Result<ReachAnswer, string> };
  /** Something works worse than it could; `fix` says how to fix it. `reason`: for readers of the status. */
  warning: { what: string; fix: string; reason?: "disk-full" };
  /** Why Ray has no guard; null: it has one again. */
  guard: { cause: string | null };
  "lease-renewal": { ok: boolean; cause: string };
  stopping: { signal: string; urgent: boolean };
  drained: { how: "drained" | "late" | "urgent" | "headless" | "superseded"; tookMs: number };
  /** What of Ray was still there after its end, and whether it is gone now. */
  cleared: { processes: number; clear: boolean };
  stopped: { signal: string; tookMs: number };
  failed: { failure: Failure; exitCode: number };
}

/** An event, of one type where that is named. */
export type Event<T extends keyof Events = keyof Events> = {
  [K in T]: { readonly type: K } & Readonly<Events[K]>;
}[T];
