import type { Problem } from "../../common/failure.ts";
import type { ReachAnswer } from "../../common/protocol/reach.ts";

/** All that the health service has to say. `render.ts` puts it into words. */
export type Event =
  | {
      readonly type: "started";
      readonly version: string;
      readonly instance: string;
      readonly host: string;
      readonly port: number;
      readonly ttlMs: number;
      readonly stateDir: string | null;
      readonly whitelist: readonly string[] | null;
      readonly tokenWanted: boolean;
    }
  /** What this run knows of the time before it. */
  | { readonly type: "memory"; readonly kind: "kept"; readonly epoch: number; readonly holder: string | null }
  | { readonly type: "memory"; readonly kind: "none"; readonly ttlMs: number }
  | { readonly type: "memory"; readonly kind: "damaged"; readonly epoch: number; readonly detail: string }
  | {
      readonly type: "granted";
      readonly how: "grant" | "recognition" | "adoption";
      readonly node: string;
      readonly life: string;
      readonly address: string;
      readonly epoch: number;
      /** The holder before, if its lease was not released. */
      readonly before: string | null;
    }
  | {
      readonly type: "refused";
      readonly node: string;
      readonly life: string;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly type: "released"; readonly node: string; readonly life: string; readonly epoch: number }
  | { readonly type: "storage"; readonly ok: false; readonly file: string; readonly cause: string }
  | { readonly type: "storage"; readonly ok: true; readonly file: string }
  /** A write that was refused before its body was read. */
  | {
      readonly type: "turned-away";
      readonly from: string;
      readonly method: string;
      readonly path: string;
      readonly cause: string;
    }
  | { readonly type: "reach"; readonly node: string; readonly answer: ReachAnswer }
  | { readonly type: "bug"; readonly where: string; readonly detail: string }
  | { readonly type: "stopping"; readonly signal: string }
  | { readonly type: "failed"; readonly failure: ServiceFailure };

/** The part of a `life` that may be logged: anybody who knows all of it can send requests in that node's name. */
export const withoutLife = (event: Event): Event =>
  "life" in event ? { ...event, life: "(not shown)" } : event;

/** The ways in which the service cannot start. */
export type ServiceFailure =
  | { readonly reason: "bad-command-line" | "bad-configuration"; readonly problems: readonly Problem[] }
  | { readonly reason: "cannot-listen"; readonly host: string; readonly port: number; readonly code: string }
  | { readonly reason: "state-unreadable"; readonly file: string; readonly cause: string };

/**
 * sysexits.h: a wrong setting is EX_CONFIG, an address that cannot be had EX_UNAVAILABLE, a state that cannot be read
 * EX_IOERR. A requested stop is 0.
 */
export function exitCodeOf({ reason }: ServiceFailure): number {
  if (reason === "cannot-listen") return 69;
  return reason === "state-unreadable" ? 74 : 78;
}
