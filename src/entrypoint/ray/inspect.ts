import { request } from "node:http";
import type { Address } from "../../common/address.ts";
import { lookup } from "../../common/lookup.ts";
import { readStat } from "../../common/proc.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import type { RayProcess } from "./ray.ts";
import { processNamed } from "./session-processes.ts";
import type { Snapshot } from "./verdict.ts";

const TIMEOUT_MS = 2000;
/** The agent's default port in Ray 2.40 to 2.60 (ray_constants.py); older versions do not list it in the GCS. */
const DEFAULT_AGENT_PORT = 52365;

type Answer = number | "refused" | "none";

const AGENT: Readonly<Record<Answer, Snapshot["agent"]>> = {
  refused: "gone",
  none: "unwell",
  200: "well",
  503: "unwell",
};
/** By the state letters of proc(5). */
const RAYLET: Readonly<Record<string, Snapshot["raylet"]>> = { T: "stopped", Z: "gone", X: "gone" };

/** Returns a function that looks at the agent and the raylet of `node`, whose processes are in `session`. */
export function inspectorOf(session: number, node: NodeInfo): ReturnType<RayProcess["inspector"]> {
  const raylet = processNamed(session, "raylet");
  const agent = { host: node.address, port: node.agentPort > 0 ? node.agentPort : DEFAULT_AGENT_PORT };
  let path = "/api/healthz";
  let answered = false;
  return async () => {
    const answer = await ask(agent, path);
    // Ray before 2.53 has the other path (docs/faults.md 2.12).
    if (answer === 404) path = path === "/api/healthz" ? "/api/local_raylet_healthz" : "/api/healthz";
    answered ||= typeof answer === "number";
    const stat = raylet === null ? null : readStat(raylet);
    return {
      // An agent without a server of its own (a plain `pip install ray`, its port taken) lives all the same.
      agent: (answered && AGENT[answer]) || "unknown",
      raylet: stat === null ? "gone" : (RAYLET[stat.state] ?? "running"),
    };
  };
}

/** The HTTP status of a GET, or why there was none in time. */
function ask({ host, port }: Address, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request({ host, port, path, signal, lookup, agent: false }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? "none");
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ECONNREFUSED" ? "refused" : "none"),
    );
    outgoing.end();
  });
}
