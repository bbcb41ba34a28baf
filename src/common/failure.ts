import type { Address } from "./address.ts";
import type { ProbeAnswer, ProbeResult } from "./probe-result.ts";

/** One thing wrong with the input: where, what was expected and got, and the way out. Never a secret's value. */
export interface Problem {
  /** The variable, the key, or `file:line:column key`. */
  readonly where: string;
  /** Other variables that the problem concerns. */
  readonly related?: readonly string[];
  readonly problem: string;
  readonly fix: string;
}

/** The failures that we expect, each with what its one renderer needs. */
export type Failure =
  | { readonly reason: "bad-command-line" | "bad-configuration"; readonly problems: readonly Problem[] }
  | { readonly reason: "no-such-user"; readonly user: string }
  | { readonly reason: "wrong-user"; readonly user: string; readonly wanted: string }
  | {
      readonly reason: "requirements-unreadable";
      readonly path: string;
      readonly user: string;
      readonly code: string;
    }
  | { readonly reason: "ray-not-found"; readonly path: string }
  | { readonly reason: "ray-not-executable"; readonly file: string; readonly code: string }
  | {
      readonly reason: "no-head-in-time";
      readonly waitedMs: number;
      readonly results: readonly ProbeResult[];
      readonly why: string;
    }
  | {
      readonly reason: "version-differs";
      readonly head: Address;
      readonly theirs: string;
      readonly ours: string;
    }
  | {
      readonly reason: "python-differs";
      readonly head: Address;
      readonly theirs: string;
      readonly ours: string;
    }
  | {
      readonly reason: "unauthorized";
      readonly head: Address;
      readonly detail: string;
    }
  /** A HEAD may be running there, but it cannot be asked. */
  | {
      readonly reason: "tls-differs";
      readonly head: Address;
      readonly result: Extract<ProbeAnswer, { kind: "tls" }>;
    }
  | { readonly reason: "duplicate-name" | "not-a-candidate"; readonly node: string; readonly message: string }
  | { readonly reason: "pip-failed"; readonly file: string; readonly exitCode: number }
  | {
      readonly reason: "ray-exited";
      readonly exitCode: number | null;
      readonly signal: string | null;
      /** How long it had run; it never became ready. */
      readonly ranMs: number;
    }
  /** Something else listens where this node's GCS has to. */
  | { readonly reason: "port-taken"; readonly address: Address }
  /** With strict fencing Ray does not run without a guard. */
  | { readonly reason: "no-guard"; readonly cause: string }
  | { readonly reason: "too-many-restarts"; readonly restarts: number }
  | { readonly reason: "not-ready-in-time"; readonly timeoutMs: number; readonly why: string };
