import type { Address } from "../../common/address.ts";
import type { RayAuth } from "../../common/auth-token.ts";
import type { Failure } from "../../common/failure.ts";
import type { ReachAnswer } from "../../common/protocol/reach.ts";
import type { Result } from "../../common/result.ts";
import type { Config } from "../config/config.ts";
import type { Misspelt } from "../config/nearest.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { HeadFact, HealthFact, LeaseFact } from "../election/facts.ts";
import type { Plan } from "../ray/command.ts";
import type { Fault } from "../ray/verdict.ts";
import type { NodeState, Step } from "../state.ts";

/** All that the entrypoint has to say. `render.ts` puts it into words. */
export type Event =
  | { readonly type: "started"; readonly version: string; readonly node: string; readonly pid: number }
  | {
      readonly type: "candidate";
      readonly node: string;
      /** The node's own name, if it differs from the whitelist's in case or is its shorter or longer form. */
      readonly calledItself: string;
      /** Names in the whitelist that may each mean this node. */
      readonly alike: readonly string[];
      readonly whitelist: readonly string[];
      readonly place: number;
      readonly nearest: string | null;
    }
  /** This node's whitelist entry names this interface, so Ray uses it. */
  | { readonly type: "own-interface"; readonly name: string; readonly address: string }
  /** Whether Ray's processes require a token from each other; never the token itself. */
  | {
      readonly type: "ray-auth";
      readonly mode: RayAuth["mode"];
      readonly reason: RayAuth["reason"];
      /** The version of the installed Ray; null if it is not known. */
      readonly version: string | null;
      /** Nothing else restricts access either. */
      readonly open: boolean;
    }
  | ({ readonly type: "misspelt" } & Misspelt)
  | { readonly type: "explicit-head"; readonly explicit: NonNullable<Config["explicitHead"]> }
  | { readonly type: "health"; readonly url: string; readonly fact: HealthFact }
  | { readonly type: "heads"; readonly heads: readonly HeadFact[] }
  | { readonly type: "lease"; readonly fact: LeaseFact }
  /** The address of the lease holder is not in this node's settings, so it is neither asked nor joined. */
  | { readonly type: "unlisted-holder"; readonly node: string; readonly address: string }
  | { readonly type: "decision"; readonly decision: Decision }
  /** A line of output of Ray or pip. */
  | { readonly type: "said"; readonly by: "ray" | "pip"; readonly line: string }
  | { readonly type: "installing"; readonly file: string }
  | { readonly type: "starting"; readonly role: Plan["role"]; readonly command: readonly string[] }
  | {
      readonly type: "ready";
      readonly role: "head" | "worker";
      readonly address: Address;
      readonly version: string;
      readonly clusterId: string;
      readonly nodeId: string;
      readonly resources: Readonly<Record<string, number>>;
      readonly tookMs: number;
    }
  /** The WORKER's HEAD does not answer; `cause` is null when it does again. */
  | { readonly type: "head-out-of-reach"; readonly head: Address; readonly cause: string | null }
  | { readonly type: "trouble"; readonly trouble: Fault }
  /** This node leads, where it was in another cluster before: what becomes of that one's actors, jobs and objects. */
  | { readonly type: "state-of-cluster"; readonly from: string; readonly to: string }
  /** This HEAD cannot start its Ray, and lets others lead. */
  | { readonly type: "stepped-aside" }
  /** A failure that is not the end, since this node has worked before. */
  | { readonly type: "setback"; readonly failure: Failure }
  /** The node's state changed (state.ts). */
  | { readonly type: "state"; readonly from: NodeState; readonly to: NodeState; readonly step: Step }
  /** Sessions of earlier runs, kept for debugging. */
  | { readonly type: "sessions-put-aside"; readonly folder: string; readonly names: readonly string[] }
  /** How the health service, dialling back, met this node. */
  | { readonly type: "reach-back"; readonly port: number; readonly answer: Result<ReachAnswer, string> }
  /** Something works worse than it could; `fix` says how to fix it. `reason`: for readers of the status. */
  | { readonly type: "warning"; readonly what: string; readonly fix: string; readonly reason?: "disk-full" }
  /** Why Ray has no guard; null: it has one again. */
  | { readonly type: "guard"; readonly cause: string | null }
  | { readonly type: "lease-renewal"; readonly ok: boolean; readonly cause: string }
  | { readonly type: "stopping"; readonly signal: string; readonly urgent: boolean }
  | {
      readonly type: "drained";
      readonly how: "drained" | "late" | "urgent" | "headless" | "superseded";
      readonly tookMs: number;
    }
  /** What of Ray was still there after its end, and whether it is gone now. */
  | { readonly type: "cleared"; readonly processes: number; readonly clear: boolean }
  | { readonly type: "stopped"; readonly signal: string; readonly tookMs: number }
  | { readonly type: "failed"; readonly failure: Failure; readonly exitCode: number };
