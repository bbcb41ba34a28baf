import { isIPv4 } from "node:net";
import { formatAddress, isLoopback } from "../../common/address.ts";
import { renderFailure } from "../../common/output/render-failure.ts";
import { renderProbe } from "../../common/output/render-probe.ts";
import { headAddressWords, IN_WHITELIST, MODE_LINES } from "../../common/protocol/specification.ts";
import type { Event } from "./event.ts";
import { AUTH, FAULTS, KILLED, REACH_FIX, RULES, STEPS, say, seconds, WAITS } from "./words.ts";

const GIB = 2 ** 30;

/** The words for an event, with the marks and lines of the specification (docs/specification.md). */
export const render = <T extends Event["type"]>(event: Event<T>): readonly string[] =>
  [LINES[event.type](event)].flat();

const warning = (what: string, fix: string): string[] => [`✗ Warning: ${what}`, `  → ${fix}`];

const LINES: { readonly [T in Event["type"]]: (event: Event<T>) => string | string[] } = {
  started: ({ version, node, pid }) => `→ ray-entrypoint ${version} on node ${node} (pid ${pid})`,
  candidate: ({ node, calledItself, alike, whitelist, place, nearest }) => {
    const list = whitelist.join(", ");
    const other = calledItself === node ? "" : `; this node calls itself ${calledItself}`;
    if (place >= 0) return `${IN_WHITELIST}: ${node} is number ${place + 1} of ${list}${other}`;
    const meant = nearest === null ? "" : `; the nearest name is ${nearest}`;
    const hint = alike.length > 1 ? `; it may be any of ${alike.join(", ")}` : meant;
    return `→ Node is not in head whitelist: ${node} is none of ${list}${hint}`;
  },
  "own-interface": ({ name, address }) =>
    `→ This node is at ${address} (${name}), as its whitelist entry says`,
  "ray-auth": ({ mode, reason, version, open }) => {
    const what = mode === "token" ? "✓ Ray requires a token" : "→ Ray requires no token";
    const danger = open ? "; anybody who can reach this cluster's ports can run code on it" : "";
    return `${what}: ${AUTH[reason](mode, version)}${danger}`;
  },
  said: ({ by, line }) => `${by} | ${line}`,
  misspelt: ({ name, nearest }) => [
    `✗ ${name} is not a variable of this program, and nothing reads it`,
    nearest === null ? "→ --help lists all variables" : `→ Did you mean ${nearest}?`,
  ],
  "explicit-head": ({ explicit: { variable, address, isThisNode } }) => {
    const { host } = address;
    const who = isThisNode ? "this node" : "the HEAD";
    // Other loopback addresses distinguish several nodes on one machine.
    const isAnyMachine = isLoopback(host) && (host === "127.0.0.1" || !isIPv4(host));
    const hint = isAnyMachine ? `; on every machine ${host} means that machine itself` : "";
    return `→ ${headAddressWords(variable, formatAddress(address))} names ${who} explicitly${hint}`;
  },
  health: ({ url, fact }) => {
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
    return `${up}; ${holder.node} holds the head lease, epoch ${epoch}`;
  },
  heads: ({ heads }) =>
    heads.map(({ result }) => `${result.kind === "ray-gcs" ? "✓" : "→"} ${renderProbe(result)}`),
  lease: ({ fact }) => {
    if (fact.kind === "granted")
      return `✓ Head lease granted, epoch ${fact.epoch}, for ${fact.ttl} s at a time`;
    if (fact.kind === "no-answer") return `✗ Head lease: no answer (${fact.cause})`;
    return `→ Head lease not granted (${fact.reason}): ${fact.message}`;
  },
  "unlisted-holder": ({ node, address }) =>
    warning(
      `the health service says that ${node} leads at ${address}, but that address is not in this node's HEAD_WHITELIST, so this node does not join it`,
      `If ${node} belongs to your cluster, add ${node}=${address} to HEAD_WHITELIST here, or set HEAD_ADDRESS=${address}.`,
    ),
  decision: ({ decision }) => {
    const rule = RULES[decision.rule];
    if (decision.role === "wait") return `→ Waiting: ${say(WAITS, decision.waitingFor)}`;
    if (decision.role === "worker")
      return [`→ WORKER: ${rule}; ${renderProbe(decision.head)}`, MODE_LINES.worker];
    if (decision.role !== "head") return [];
    return [`→ HEAD: ${rule}${decision.epoch === null ? "" : ` (epoch ${decision.epoch})`}`, MODE_LINES.head];
  },
  installing: ({ file }) => `→ Installing ${file}`,
  starting: ({ command }) => `→ ${command.join(" ")}`,
  ready: ({ role, address, version, clusterId, nodeId, resources, tookMs }) => {
    const { CPU = 0, GPU = 0, memory = 0, object_store_memory: store = 0 } = resources;
    const first =
      role === "head" ? "✓ Ray cluster is ready!" : "✓ Ray worker successfully joined the cluster!";
    return [
      `${first} (${seconds(tookMs)})`,
      `  address ${formatAddress(address)}, Ray ${version}, cluster ${clusterId.slice(0, 8)}, node ${nodeId.slice(0, 8)}`,
      `  resources ${CPU} CPU${GPU > 0 ? `, ${GPU} GPU` : ""}, ${(memory / GIB).toFixed(1)} GiB memory, ${(store / GIB).toFixed(1)} GiB object store`,
    ];
  },
  "head-out-of-reach": ({ head, cause }) =>
    cause === null
      ? `✓ The HEAD at ${formatAddress(head)} answers again`
      : `✗ The HEAD at ${formatAddress(head)} is out of reach (${cause}); looking for it`,
  trouble: ({ trouble }) => `✗ ${say(FAULTS, trouble)}`,
  "state-of-cluster": ({ from, to }) =>
    from === to
      ? `✓ The cluster is the same, ${to.slice(0, 8)}: its KV store, detached actors and jobs live on (Redis)`
      : `→ The cluster's state is new: ${to.slice(0, 8)} takes the place of ${from.slice(0, 8)}, whose actors, jobs and objects are gone (only RAY_REDIS_ADDRESS keeps them)`,
  "stepped-aside": () =>
    "✗ This HEAD cannot start its Ray: the head lease is given back, so that another may lead",
  setback: ({ failure }) => renderFailure(failure),
  state: ({ from, to, step }) => `→ State: ${from} → ${to} (${say(STEPS, step)})`,
  "sessions-put-aside": ({ folder, names }) =>
    `→ Earlier sessions of Ray lie in ${folder}/old-sessions: ${names.join(", ")}`,
  "reach-back": ({ port, answer }) => {
    if (!answer.ok) return `→ Reach-back not checked on port ${port}: ${answer.error}`;
    const { result, message, from, to } = answer.value;
    if (result === "reached") return `✓ Others reach this node at ${to} (asked from ${from})`;
    if (result === "busy" || result === "not-known")
      return `→ Reach-back not checked on port ${port}: ${message}`;
    return [
      `✗ Others cannot reach this node at ${to ?? `port ${port}`}: ${message}; the HEAD will count it as dead`,
      `  → ${REACH_FIX[result]}`,
    ];
  },
  warning: ({ what, fix }) => warning(what, fix),
  guard: ({ cause }) =>
    cause === null
      ? "✓ Ray's guard runs again"
      : warning(
          `Ray has no guard, so it keeps running if this program is killed: ${cause}`,
          "Find out what kills processes here, and check that /bin/bash exists and that this container may start more processes.",
        ),
  "lease-renewal": ({ ok, cause }) => `${ok ? "✓" : "✗"} ${cause}`,
  stopping: ({ signal, urgent }) =>
    `→ ${signal}: ${urgent ? "stopping Ray now" : "draining and stopping Ray"}`,
  drained: ({ how, tookMs }) =>
    how === "drained"
      ? `✓ Ray ended by itself after ${seconds(tookMs)}`
      : `→ Killing Ray after ${seconds(tookMs)}: ${KILLED[how]}`,
  cleared: ({ processes, clear }) =>
    clear
      ? `→ Killed ${processes} processes that Ray left behind`
      : `✗ Ray left ${processes} processes that do not die`,
  stopped: ({ signal, tookMs }) => `✓ Stopped on ${signal} after ${seconds(tookMs)}`,
  // The causes first; the very last line says what ended, why, and what to do.
  failed: ({ failure, exitCode }) => {
    const [what = "", ...rest] = renderFailure(failure);
    const fix = rest.findLast((line) => line.startsWith("→ "));
    const last = `✗ Exit code ${exitCode}: ${[what.replace(/^✗ /, ""), fix].filter(Boolean).join(" ")}`;
    return [...rest.filter((line) => line !== fix), last];
  },
};
