import type { Problem } from "../common/failure.ts";
import type { Result } from "../common/result.ts";
import type { NotOurs } from "./compose/own-file.ts";

/** A TCP port that something else holds. */
export interface TakenPort {
  readonly host: string;
  readonly port: number;
  /** What we want it for. */
  readonly use: string;
  /** Who holds it, as far as that can be seen. */
  readonly holder: string | undefined;
  /** Why it cannot be had where nobody holds it. */
  readonly why?: string;
}

/** What `ws` expects to go wrong, each with what its renderer needs. */
export type WsFailure =
  | { readonly reason: "bad-settings"; readonly file: string; readonly problems: readonly Problem[] }
  /** A config.yaml that was named and cannot be read. */
  | {
      readonly reason: "config-unreadable";
      readonly file: string;
      readonly why: string;
      readonly fix: string;
    }
  /** A file or folder that cannot be used as it has to be. */
  | {
      readonly reason: "io-failed";
      /** Undefined where the system names none, as it does when a disk is full. */
      readonly path: string | undefined;
      readonly code: string;
      /** The system's own words. */
      readonly message: string;
    }
  | { readonly reason: "unsupported-platform"; readonly platform: string }
  | { readonly reason: "no-such-uid"; readonly uid: number }
  /** The last `ws up` used the engine, which is not to be reached now: what it started may still run. */
  | { readonly reason: "engine-away"; readonly why: string }
  | { readonly reason: "lock-failed"; readonly file: string; readonly lines: readonly string[] }
  | { readonly reason: "runtime-not-available"; readonly runtime: string; readonly why: string }
  | { readonly reason: "no-tool"; readonly tool: string; readonly fix: string }
  /** The Docker engine or compose did not do what it was asked. */
  | {
      readonly reason: "engine-refused";
      readonly command: string;
      /** Its own words. */
      readonly lines: readonly string[];
      readonly cause: string | undefined;
    }
  | { readonly reason: "machine-not-ready"; readonly problems: readonly Problem[] }
  | {
      readonly reason: "venv-failed";
      readonly folder: string;
      readonly rayVersion: string;
      readonly lines: readonly string[];
      readonly cause: string;
      readonly fix: string;
    }
  | { readonly reason: "ports-taken"; readonly ports: readonly TakenPort[] }
  | {
      readonly reason: "node-ended";
      readonly node: string;
      readonly how: string;
      readonly lines: readonly string[];
      readonly log: string;
      readonly cause: string | undefined;
    }
  | {
      readonly reason: "not-ready-in-time";
      readonly timeoutMs: number;
      /** Each node that is missing, with what was seen of it last. */
      readonly missing: readonly {
        readonly node: string;
        readonly why: string;
        readonly lines: readonly string[];
        readonly cause: string | undefined;
      }[];
    }
  /** Every node was ALIVE, and some are not any more. */
  | {
      readonly reason: "not-alive";
      readonly nodes: readonly { readonly node: string; readonly state: string }[];
    }
  | { readonly reason: "no-such-node"; readonly node: string; readonly known: readonly string[] }
  /** The running cluster requires a token, and ws has another one or none. */
  | { readonly reason: "token-refused"; readonly at: string }
  | { readonly reason: "not-running"; readonly what: string; readonly fix: string }
  | { readonly reason: "head-not-usable"; readonly head: string; readonly why: string }
  | {
      readonly reason: "left-over";
      readonly processes: readonly { readonly pid: number; readonly what: string }[];
      readonly ports: readonly TakenPort[];
    }
  /** Files that `ws` would overwrite. */
  | { readonly reason: "not-our-files"; readonly files: readonly NotOurs[] }
  /** Containers of this project.name that were started from another folder's config.yaml. */
  | { readonly reason: "started-elsewhere"; readonly project: string; readonly folders: readonly string[] }
  /** `ws up` would replace or stop running services, and the user has not agreed. */
  | { readonly reason: "not-agreed" }
  /** `ws up --dry-run` has shown its plan. */
  | { readonly reason: "only-planned" }
  /** Another `ws up` was first, with other secrets: what is right has to be worked out anew. */
  | { readonly reason: "overtaken" }
  | { readonly reason: "unsafe-folder"; readonly folder: string; readonly why: string }
  | { readonly reason: "interrupted"; readonly signal: StopSignal };

/** What `ws` tries: it ends well, or in a failure that `ws` expects. */
export type Attempt<T = void> = Promise<Result<T, WsFailure>>;

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** The failure of a job whose signal was aborted; `ws` aborts with the name of the signal as the reason. */
export function interrupted(signal: AbortSignal): WsFailure {
  const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  return { reason: "interrupted", signal: signals.find((each) => each === signal.reason) ?? "SIGINT" };
}
