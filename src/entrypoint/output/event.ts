import { type Address, formatAddress } from "../../common/address.ts";
import { type Failure, renderFailure } from "../../common/failure.ts";
import { gib, seconds, short } from "../../common/output/units.ts";
import type { ReachAnswer } from "../../common/protocol/reach-protocol.ts";
import type { Members, Result } from "../../common/result.ts";
import type { Plan } from "../ray/command.ts";
import { renderStore, type StoreChoice } from "../ray/store/choice.ts";
import { type Fault, renderFault } from "../ray/verdict.ts";
import type { NodeState, Step } from "../state.ts";
import { ELECTION } from "./election-lines.ts";
import { MEMBERSHIP } from "./membership-lines.ts";
import { ASIDE, KILLED, REACH_FIX, STEPS, say, warning } from "./words.ts";

type Lines = typeof LINES;

/** All that the entrypoint has to say, or what it says of one type. */
export type Event<T extends keyof Lines = keyof Lines> = Members<"type", Pick<Lines, T>>;

/** The words for an event. */
export const render = (event: Event): readonly string[] =>
  [(LINES[event.type] as (event: Event) => string | string[])(event)].flat();

/** Each type of event: its fields, and its lines with the marks and words of the specification (docs/specification.md). */
const LINES = {
  ...ELECTION,
  ...MEMBERSHIP,
  /** A line of output of Ray or pip. */
  said: (e: { by: "ray" | "pip"; line: string }) => `${e.by} | ${e.line}`,
  installing: (e: { file: string }) => `→ Installing ${e.file}`,
  starting: (e: { role: Plan["role"]; command: readonly string[] }) => `→ ${e.command.join(" ")}`,
  ready: (e: {
    role: Plan["role"];
    address: Address;
    version: string;
    clusterId: string;
    nodeId: string;
    /** Of this node, and where its Ray answers Prometheus (0: not known). */
    ip: string;
    metricsPort: number;
    resources: Readonly<Record<string, number>>;
    tookMs: number;
  }) => {
    const { CPU = 0, GPU = 0, memory, object_store_memory: store } = e.resources;
    const what =
      e.role === "head" ? "✓ Ray cluster is ready!" : "✓ Ray worker successfully joined the cluster!";
    return [
      `${what} (${seconds(e.tookMs)})`,
      `  address ${formatAddress(e.address)}, Ray ${e.version}, cluster ${short(e.clusterId)}, node ${short(e.nodeId)}`,
      `  resources ${CPU} CPU${GPU > 0 ? `, ${GPU} GPU` : ""}, ${gib(memory)} memory, ${gib(store)} object store`,
    ];
  },
  /** The WORKER's HEAD does not answer; `cause` is null when it does again. */
  "head-out-of-reach": (e: { head: Address; cause: string | null }) =>
    e.cause === null
      ? `✓ The HEAD at ${formatAddress(e.head)} answers again`
      : `✗ The HEAD at ${formatAddress(e.head)} is out of reach (${e.cause}); looking for it`,
  trouble: (e: { trouble: Fault }) => `✗ ${renderFault(e.trouble)}`,
  /** The cluster that this HEAD serves, and the one that it, or what it kept, served before. */
  cluster: ({ id, before, store }: { id: string; before: string | null; store: StoreChoice }) => {
    if (id === before)
      return `✓ Same cluster as before, ${short(id)}: its KV store, detached actors and jobs live on`;
    // What another store kept is not known here.
    if (before === null && store.kind === "none" && (store.why === "redis" || store.why === "given"))
      return [];
    const gone =
      before === null ? "" : ` in place of ${short(before)}, whose actors, jobs and objects are gone`;
    return `→ New cluster ${short(id)}${gone}; its state is ${renderStore(store)}`;
  },
  /** An earlier run of this node, or another node, has RAY_EP_STATE_DIR. */
  "state-taken": ({ folder }: { folder: string }) =>
    `→ Waiting: for the end of the Ray that an earlier run of this node has left, and that uses ${folder}`,
  "state-aside": ({ why, to }: { why: keyof typeof ASIDE; to: string }) =>
    `→ The kept state of an earlier cluster is put aside, because ${ASIDE[why]}: ${to}`,
  /** This HEAD cannot start its Ray and lets another node lead. */
  "stepped-aside": () =>
    "✗ This HEAD cannot start its Ray: it gives the head lease back, so that another node can lead",
  /** A failure that is not the end, since this node has worked before. */
  setback: (e: { failure: Failure }) => renderFailure(e.failure),
  state: (e: { from: NodeState; to: NodeState; step: Step }) =>
    `→ State: ${e.from} → ${e.to} (${say(STEPS, e.step)})`,
  /** Sessions of earlier runs, kept for debugging. */
  "sessions-archived": (e: { folder: string; names: readonly string[] }) =>
    `→ Earlier sessions of Ray are kept in ${e.folder}/old-sessions: ${e.names.join(", ")}`,
  /** How the health service, dialling back, met this node. */
  "reach-back": ({ port, answer }: { port: number; answer: Result<ReachAnswer, string> }) => {
    if (!answer.ok) return `→ Reach-back was not checked on port ${port}: ${answer.error}`;
    const { result, message, from, to } = answer.value;
    if (result === "reached") return `✓ Others reach this node at ${to} (asked from ${from})`;
    if (result === "busy" || result === "not-known")
      return `→ Reach-back was not checked on port ${port}: ${message}`;
    return [
      `✗ Others cannot reach this node at ${to ?? `port ${port}`}: ${message}; the HEAD will count it as dead`,
      `  → ${REACH_FIX[result]}`,
    ];
  },
  /** Something works worse than it could; `fix` says how to fix it. `reason`: for readers of the status. */
  warning: (e: { what: string; fix: string; reason?: "disk-full" }) => warning(e.what, e.fix),
  /** Why Ray has no guard; null: it has one again. */
  guard: (e: { cause: string | null }) =>
    e.cause === null
      ? "✓ Ray's guard runs again"
      : warning(
          `Ray has no guard, so it keeps running if this program is killed: ${e.cause}`,
          "Find out what kills processes here, and check that /bin/bash exists and that this container may start more processes.",
        ),
  "lease-renewal": (e: { ok: boolean; cause: string }) => `${e.ok ? "✓" : "✗"} ${e.cause}`,
  stopping: (e: { signal: string; urgent: boolean }) =>
    `→ ${e.signal}: ${e.urgent ? "stopping Ray now" : "draining and stopping Ray"}`,
  drained: (e: { how: "drained" | keyof typeof KILLED; tookMs: number }) =>
    e.how === "drained"
      ? `✓ Ray ended by itself after ${seconds(e.tookMs)}`
      : `→ Killing Ray after ${seconds(e.tookMs)}: ${KILLED[e.how]}`,
  /** What of Ray was still there after its end, and whether it is gone now. */
  cleared: (e: { processes: number; clear: boolean }) =>
    e.clear
      ? `→ Killed ${e.processes} processes that Ray left behind`
      : `✗ Ray left ${e.processes} processes that do not die`,
  stopped: (e: { signal: string; tookMs: number }) => `✓ Stopped on ${e.signal} after ${seconds(e.tookMs)}`,
  // The causes first; the very last line says what ended, why, and what to do.
  failed: (e: { failure: Failure; exitCode: number }) => {
    const [what = "", ...rest] = renderFailure(e.failure);
    const fix = rest.findLast((line) => line.startsWith("→ "));
    const last = `✗ Exit code ${e.exitCode}: ${[what.replace(/^✗ /, ""), fix].filter(Boolean).join(" ")}`;
    return [...rest.filter((line) => line !== fix), last];
  },
};
