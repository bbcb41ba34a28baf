import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { optionOf } from "../config/args.ts";
import type { Membership } from "./membership.ts";

/** What a node is told by its environment and command line. */
export interface Told {
  readonly env: Environment;
  readonly rayWords: readonly string[];
}

/** The variables that say what a membership says. */
const variablesOf = (member: Membership, rayTokenPath: string): Readonly<Record<string, string>> => ({
  RAY_EP_NODE_NAME: member.member,
  HEALTH_URL: `https://${member.services[0]}`,
  RAY_EP_HEALTH_TOKEN: `${member.member}:${member.credential}`,
  HEAD_WHITELIST: member.candidates,
  NODE_IP_ADDRESS: member.address,
  RAY_HEAD_PORT: String(member.ports.gcs),
  RAY_CLIENT_PORT: String(member.ports.client),
  RAY_DASHBOARD_PORT: String(member.ports.dashboard),
  NODE_MANAGER_PORT: String(member.ports.nodeManager),
  OBJECT_MANAGER_PORT: String(member.ports.objectManager),
  MIN_WORKER_PORT: String(member.ports.workers[0]),
  MAX_WORKER_PORT: String(member.ports.workers[1]),
  RAY_AUTH_MODE: "token",
  RAY_AUTH_TOKEN_PATH: rayTokenPath,
});

/** Options of `ray start` (Ray 2.60, scripts/scripts.py) that no variable sets. */
const wordsOf = ({ ports, address }: Membership): Readonly<Record<string, string>> => ({
  "--dashboard-agent-listen-port": String(ports.agentHttp),
  "--dashboard-agent-grpc-port": String(ports.agentGrpc),
  "--runtime-env-agent-port": String(ports.runtimeEnvAgent),
  "--metrics-export-port": String(ports.metrics),
  "--dashboard-host": address,
});

/** What must not be there beside a membership: it would decide who leads, or be sent in its place. */
const FOREIGN = ["HEAD_ADDRESS", "HEAD_ADDRESS_CFG", "RAY_AUTH_TOKEN", "RAY_EP_HEALTH_TOKEN_FILE"] as const;

/** Libraries that choose an interface by themselves otherwise, often that of the default route. */
const LIBRARIES = ["NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"] as const;

/** A membership as the environment that this program knows, and what was given that contradicts it. Pure. */
export function overlay(
  member: Membership,
  rayTokenPath: string,
  stateDir: string,
  { env, rayWords }: Told,
): Told & { readonly problems: readonly Problem[] } {
  const variables = variablesOf(member, rayTokenPath);
  const words = Object.entries(wordsOf(member));
  const isGiven = (name: string): boolean => (env[name]?.trim() ?? "") !== "";
  const others = Object.entries(variables).filter(
    ([name, value]) => isGiven(name) && env[name]?.trim() !== value,
  );
  const otherWords = words.filter(([option, value]) => (optionOf(rayWords, option) ?? value) !== value);
  const wrong = [
    ...[...others.map(([name]) => name), ...FOREIGN.filter(isGiven)],
    ...otherWords.map(([option]) => `-- ${option}`),
  ];
  const defaults = LIBRARIES.filter((name) => !isGiven(name)).map((name) => [name, member.interface]);
  return {
    env: { ...env, RAY_EP_STATE_DIR: stateDir, ...Object.fromEntries(defaults), ...variables },
    rayWords: [...words.map(([option, value]) => `${option}=${value}`), ...rayWords],
    problems: wrong.map((where) => ({
      where,
      problem: `expected nothing, since this node is a member of the cluster ${member.cluster.name}, which says it, got another value`,
      fix: "Leave it out.",
    })),
  };
}
