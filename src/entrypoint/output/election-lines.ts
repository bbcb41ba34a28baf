import { isIPv4 } from "node:net";
import { formatAddress, isLoopback } from "../../common/address.ts";
import type { RayAuth } from "../../common/auth-token.ts";
import { renderProbe } from "../../common/probe-result.ts";
import { headAddressWords, IN_WHITELIST, MODE_LINES } from "../../common/protocol/specification.ts";
import type { Config } from "../config/config.ts";
import type { Misspelt } from "../config/nearest.ts";
import type { Decision } from "../election/decide/decision.ts";
import type { HeadFact, HealthFact, LeaseFact } from "../election/facts.ts";
import { AUTH, RULES, say, WAITS, warning } from "./words.ts";

/** The events of a node that looks for its role: who it is, what it was told and sees, and what it decides. */
export const ELECTION = {
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
};
