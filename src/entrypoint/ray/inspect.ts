import { request } from "node:http";
import type { Address } from "../../common/address.ts";
import { lookup } from "../../common/lookup.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { RayProcess } from "./ray.ts";
import { processNamed, stateOf } from "./session-processes.ts";
import type { Snapshot } from "./verdict.ts";

const TIMEOUT_MS = 2000;

/** Returns a function that looks at the agent and the raylet of `node`, whose processes are in `session`. */
export function inspectorOf(session: number, node: NodeInfo): ReturnType<RayProcess["inspector"]> {
  const raylet = processNamed(session, "raylet");
  const agent = { host: node.address, port: node.agentPort > 0 ? node.agentPort : DEFAULT_AGENT_PORT };
  let path = "/api/healthz";
  let answered = false;
  return async () => {
    const status = await ask(agent, path);
    // Ray before 2.53 has the other path (docs/faults.md 2.12).
    if (status === 404) path = path === "/api/healthz" ? "/api/local_raylet_healthz" : "/api/healthz";
    answered ||= typeof status === "number";
    // An agent without a server of its own (a plain `pip install ray`, its port taken) lives all the same.
    return { agent: answered ? agentOf(status) : "unknown", raylet: rayletOf(raylet) };
  };
}

/** The agent's default port in Ray 2.40 to 2.60 (ray_constants.py); older versions do not list it in the GCS. */
const DEFAULT_AGENT_PORT = 52365;

/** The HTTP status of a GET, or null when there was no answer in time, or "refused". */
function ask({ host, port }: Address, path: string): Promise<number | "refused" | null> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
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

function agentOf(status: number | "refused" | null): Snapshot["agent"] {
  if (status === "refused") return "gone";
  if (status === 200) return "well";
  return status === null || status === 503 ? "unwell" : "unknown";
}

function rayletOf(pid: number | null): Snapshot["raylet"] {
  const state = pid === null ? null : stateOf(pid);
  if (state === null || state === "Z" || state === "X") return "gone";
  return state === "T" ? "stopped" : "running";
}
