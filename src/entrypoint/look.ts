import { request } from "node:http";
import type { Address } from "../common/address.ts";
import { lookup } from "../common/lookup.ts";
import type { GcsClient } from "../gcs/client.ts";
import { processNamed, stateOf } from "./processes.ts";
import type { Membership } from "./ready.ts";
import type { Look } from "./watch.ts";

/** A GCS that is only slow must not look dead: three of these in a row are longer than a pause of five seconds. */
const LOOK_TIMEOUT_MS = 2000;

/** Looks at one running node; each look costs the same however large the cluster is. */
export interface Watcher {
  look(): Promise<Look>;
}

/** `session` is the session that holds the node's processes. */
export function openWatcher(gcs: GcsClient, membership: Membership, session: number): Watcher {
  const raylet = processNamed(session, "raylet");
  const agent = agentOf(membership);
  let path = "/api/healthz";
  let answered = false;
  return {
    look: async () => {
      const [gcsLook, status] = await Promise.all([lookAtGcs(gcs, membership), ask(agent, path)]);
      // Ray before 2.53 has the other path (docs/faults.md 2.12).
      if (status === 404) path = path === "/api/healthz" ? "/api/local_raylet_healthz" : "/api/healthz";
      answered ||= typeof status === "number";
      // An agent without a server of its own (a plain `pip install ray`, its port taken) lives all the same.
      const agentLook = answered ? judgeAgent(status) : "unknown";
      return { gcs: gcsLook, agent: agentLook, raylet: lookAtRaylet(raylet) };
    },
  };
}

/** The agent's default port in Ray 2.40 to 2.60 (ray_constants.py); older versions do not list it in the GCS. */
const DEFAULT_AGENT_PORT = 52365;

function agentOf({ node }: Membership): Address {
  return { host: node.address, port: node.agentPort > 0 ? node.agentPort : DEFAULT_AGENT_PORT };
}

async function lookAtGcs(gcs: GcsClient, { node }: Membership): Promise<Look["gcs"]> {
  const [alive, clusterId] = await Promise.all([
    gcs.checkAlive([node], LOOK_TIMEOUT_MS),
    gcs.clusterId(LOOK_TIMEOUT_MS),
  ]);
  if (!clusterId.ok) return { kind: "silent", cause: clusterId.error.kind };
  if (!alive.ok) return { kind: "silent", cause: alive.error.kind };
  return { kind: "serves", clusterId: clusterId.value, alive: alive.value.alive[0] ?? false };
}

/** The HTTP status of a GET, or null when there was no answer in time, or "refused". */
function ask({ host, port }: Address, path: string): Promise<number | "refused" | null> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(LOOK_TIMEOUT_MS);
    const outgoing = request({ host, port, path, signal, lookup, agent: false }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? null);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ECONNREFUSED" ? "refused" : null),
    );
    outgoing.end();
  });
}

function judgeAgent(status: number | "refused" | null): Look["agent"] {
  if (status === "refused") return "gone";
  if (status === 200) return "well";
  return status === null || status === 503 ? "unwell" : "unknown";
}

function lookAtRaylet(pid: number | null): Look["raylet"] {
  const state = pid === null ? null : stateOf(pid);
  if (state === null || state === "Z" || state === "X") return "gone";
  return state === "T" ? "stopped" : "running";
}
