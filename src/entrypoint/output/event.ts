import { isIPv4 } from "node:net";
import { type Address, formatAddress, isLoopback } from "../../common/address.ts";
import type { RayAuth } from "../../common/auth-token.ts";
import { type Failure, renderFailure } from "../../common/failure.ts";
import { gib, seconds, short } from "../../common/output/units.ts";
import { renderProbe } from "../../common/probe-result.ts";
import type { ReachAnswer } from "../../common/protocol/reach-protocol.ts";
import { headAddressWords, IN_WHITELIST, MODE_LINES } from "../../common/protocol/specification.ts";
import type { Members, Result } from "../../common/result.ts";
import type { Config } from "../config/config.ts";
import type { Misspelt } from "../config/nearest.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { HeadFact, HealthFact, LeaseFact } from "../election/facts.ts";
import type { Plan } from "../ray/command.ts";
import { renderStore, type StoreChoice } from "../ray/store/choice.ts";
import { type Fault, renderFault } from "../ray/verdict.ts";
import type { NodeState, Step } from "../state.ts";
import { ASIDE, AUTH, KILLED, REACH_FIX, RULES, STEPS, say, WAITS } from "./words.ts";

type Lines = typeof LINES;

/** All that the entrypoint has to say, or what it says of one type. */
export type Event<T extends keyof Lines = keyof Lines> = Members<"type", Pick<Lines, T>>;

/** The words for an event. */
export const render = (event: Event): readonly string[] =>
  [(LINES[event.type] as (event: Event) => string | string[])(event)].flat();

const warning = (what: string, fix: string): string[] => [`✗ Warning: ${what}`, `  → ${fix}`];

/** Each type of event: its fields, and its lines with the marks and words of the specification (docs/specification.md). */
const LINES = {
  started: (e: { version: string; node: string; pid: number }) =>
    `→ ray-entrypoint ${e.version} on node ${e.node} (pid ${e.pid})`,
  /** `alike`: names in the whitelist that may each mean this node. */
  candidate: (
    e: Pick<Config, "node" | "calledItself" | "alike"> & {
      whitelist: readonly string[];
      place: number;
      nearest: string | null;
    },
  ) => {
    const list = e.whitelist.join(", ");
    const other = e.calledItself === e.node ? "" : `; this node calls itself ${e.calledItself}`;
    if (e.place >= 0) return `${IN_WHITELIST}: ${e.node} is number ${e.place + 1} of ${list}${other}`;
    const meant = e.nearest === null ? "" : `; the nearest name is ${e.nearest}`;
    const hint = e.alike.length > 1 ? `; it may be any of ${e.alike.join(", ")}` : meant;
    return `→ Node is not in head whitelist: ${e.node} is none of ${list}${hint}`;
  },
  /** HEAD_ADDRESS or this node's whitelist entry names this interface, so Ray uses it. */
  "own-interface": (e: { name: string; address: string }) =>
    `→ This node is at ${e.address} (${e.name}), as its whitelist entry or HEAD_ADDRESS says`,
  /** Never the token itself. `version`: of the installed Ray; `open`: nothing else restricts access either. */
  "ray-auth": (e: Pick<RayAuth, "mode" | "reason"> & { version: string | null; open: boolean }) => {
    const what = e.mode === "token" ? "✓ Ray requires a token" : "→ Ray requires no token";
    const danger = e.open ? "; anybody who can reach this cluster's ports can run code on it" : "";
    return `${what}: ${AUTH[e.reason](e.mode, e.version)}${danger}`;
  },
  /** A name of a possible HEAD that leads to this machine, whose node has another name. */
  "own-name": (e: { node: string; host: string; at: string; card: string }) => [
    `→ ${e.host} leads to this machine (${e.at}, ${e.card}), but this node calls itself ${e.node}`,
    `  → If this node is meant, name it so: RAY_EP_NODE_NAME=${e.host}, or in Compose hostname: ${e.host}`,
  ],
  "ray-as-root": () => "→ Ray runs as root: this system has no user `ray`, and RAY_EP_USER names none",
  misspelt: (e: Misspelt) => [
    `✗ ${e.name} is not a variable of this program, and nothing reads it`,
    e.nearest === null ? "→ --help lists all variables" : `→ Did you mean ${e.nearest}?`,
  ],
  "explicit-head": ({ explicit }: { explicit: NonNullable<Config["explicitHead"]> }) => {
    const { variable, address, isThisNode } = explicit;
    const { host } = address;
    // Other loopback addresses distinguish several nodes on one machine.
    const isAnyMachine = isLoopback(host) && (host === "127.0.0.1" || !isIPv4(host));
    const hint = isAnyMachine ? `; on every machine ${host} means that machine itself` : "";
    const who = isThisNode ? "this node" : "the HEAD";
    return `→ ${headAddressWords(variable, formatAddress(address))} names ${who} explicitly${hint}`;
  },
  health: ({ url, fact }: { url: string; fact: HealthFact }) => {
    if (fact.kind === "unknown") return [];
    if (fact.kind === "none")
      return "→ No health service (HEALTH_URL=none): only the first host in the whitelist becomes HEAD by itself";
    const ms = `${Math.round(fact.ms)} ms`;
    if (fact.kind === "down")
      return `✗ Health service is down at ${url} after ${fact.attempts} tries (${ms}): ${fact.cause}`;
    const up = `✓ Health service is up at ${url} (${ms})`;
    if (fact.kind === "plain") return `${up}; it keeps no head lease, so the order of the whitelist decides`;
    const { holder, epoch } = fact.view;
    if (holder === null) return `${up}; nobody holds the head lease`;
    const does = holder.returning ? "stopped and may come back" : "holds the head lease";
    return `${up}; ${holder.node} ${does}, epoch ${epoch}`;
  },
  heads: (e: { heads: readonly HeadFact[] }) =>
    e.heads.map(({ result }) => `${result.kind === "ray-gcs" ? "✓" : "→"} ${renderProbe(result)}`),
  lease: ({ fact }: { fact: LeaseFact }) => {
    if (fact.kind === "granted")
      return `✓ Head lease granted, epoch ${fact.epoch}, for ${fact.ttl} s at a time`;
    if (fact.kind === "no-answer") return `✗ Head lease: no answer (${fact.cause})`;
    return `→ Head lease not granted (${fact.reason}): ${fact.message}`;
  },
  /** The address of the lease holder is not in this node's settings, so it is neither asked nor joined. */
  "unlisted-holder": ({ node, address }: { node: string; address: string }) =>
    warning(
      `the health service says that ${node} leads at ${address}, but that address is not in this node's HEAD_WHITELIST, so this node does not join it`,
      `If ${node} belongs to your cluster, add ${node}=${address} to HEAD_WHITELIST here, or set HEAD_ADDRESS=${address}.`,
    ),
  decision: ({ decision }: { decision: Decision }) => {
    const rule = RULES[decision.rule];
    if (decision.role === "wait") return `→ Waiting: ${say(WAITS, decision.waitingFor)}`;
    if (decision.role === "worker")
      return [`→ WORKER: ${rule}; ${renderProbe(decision.head)}`, MODE_LINES.worker];
    if (decision.role !== "head") return [];
    return [`→ HEAD: ${rule}${decision.epoch === null ? "" : ` (epoch ${decision.epoch})`}`, MODE_LINES.head];
  },
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
