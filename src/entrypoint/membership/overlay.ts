import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { ownTlsVariables } from "../../gcs/tls.ts";
import { optionOf } from "../config/args.ts";
import type { Membership } from "./membership.ts";

/** What a node is told by its environment and command line. */
export interface Told {
  readonly env: Environment;
  readonly rayWords: readonly string[];
}

type Says = Readonly<Record<string, (member: Membership, rayTokenPath: string) => string>>;

/** The variables that say what a membership says. */
const VARIABLES: Says = {
  RAY_EP_NODE_NAME: ({ member }) => member,
  HEALTH_URL: ({ services }) => `https://${services[0]}`,
  RAY_EP_HEALTH_TOKEN: ({ member, credential }) => `${member}:${credential}`,
  HEAD_WHITELIST: ({ candidates }) => candidates,
  NODE_IP_ADDRESS: ({ address }) => address,
  RAY_HEAD_PORT: ({ ports }) => String(ports.gcs),
  RAY_CLIENT_PORT: ({ ports }) => String(ports.client),
  RAY_DASHBOARD_PORT: ({ ports }) => String(ports.dashboard),
  NODE_MANAGER_PORT: ({ ports }) => String(ports.nodeManager),
  OBJECT_MANAGER_PORT: ({ ports }) => String(ports.objectManager),
  MIN_WORKER_PORT: ({ ports }) => String(ports.workers[0]),
  MAX_WORKER_PORT: ({ ports }) => String(ports.workers[1]),
  RAY_AUTH_MODE: () => "token",
  RAY_AUTH_TOKEN_PATH: (_, rayTokenPath) => rayTokenPath,
};

/** Options of `ray start` (Ray 2.60, scripts/scripts.py) that no variable sets. */
const WORDS: Says = {
  "--dashboard-agent-listen-port": ({ ports }) => String(ports.agentHttp),
  "--dashboard-agent-grpc-port": ({ ports }) => String(ports.agentGrpc),
  "--runtime-env-agent-port": ({ ports }) => String(ports.runtimeEnvAgent),
  "--metrics-export-port": ({ ports }) => String(ports.metrics),
};

/** Would decide who leads, or be used in place of the membership's. */
const NEVER = ["HEAD_ADDRESS", "HEAD_ADDRESS_CFG", "RAY_AUTH_TOKEN", "RAY_EP_HEALTH_TOKEN_FILE"] as const;

/** Libraries that choose an interface by themselves otherwise, often that of the default route. */
const LIBRARIES = ["NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"] as const;

/** A membership as the environment that this program knows. Pure. */
export function overlay(
  member: Membership,
  rayTokenPath: string,
  stateDir: string,
  { env, rayWords }: Told,
): Told {
  const say = (says: Says) =>
    Object.entries(says).map(([name, of]) => [name, of(member, rayTokenPath)] as const);
  const cards = member.interface === undefined ? [] : LIBRARIES.filter((name) => !isGiven(env, name));
  return {
    env: {
      ...env,
      RAY_EP_STATE_DIR: stateDir,
      ...Object.fromEntries(cards.map((name) => [name, member.interface])),
      ...Object.fromEntries(say(VARIABLES)),
      // A node that sets RAY_USE_TLS itself has keys of its own.
      ...(member.rayKeys === undefined || isGiven(env, "RAY_USE_TLS")
        ? {}
        : { ...QUIET, ...ownTlsVariables(stateDir) }),
    },
    rayWords: [...say(WORDS).map(([option, value]) => `${option}=${value}`), ...rayWords],
  };
}

/**
 * Below that level a node reports its events, such as a worker that died, to the dashboard by HTTP, in clear and with Ray's token
 * (Ray 2.60, dashboard/modules/event/event_agent.py). The driver is told of them over TLS all the same.
 */
const QUIET = { RAY_event_level: "fatal" };

const isGiven = (env: Environment, name: string): boolean => (env[name]?.trim() ?? "") !== "";

/** Its own wish, which the choice of its address takes (address.ts). */
const WISH = "NODE_IP_ADDRESS";

/** What was given beside a membership and contradicts it; null: of a node that has not joined yet. Pure. */
export function findContradictions(
  member: Membership | null,
  rayTokenPath: string,
  { env, rayWords }: Told,
): Problem[] {
  const differs = (given: string, says: Says[string]): boolean =>
    member === null || given !== says(member, rayTokenPath);
  // What each membership says, so that programs that are started beside this one may be told too.
  const always: Environment = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: rayTokenPath };
  const variables = Object.entries(VARIABLES).filter(([name, says]) => {
    const given = env[name]?.trim() ?? "";
    const itsOwn = name === WISH || (member === null && name === "RAY_EP_NODE_NAME");
    return given !== "" && !itsOwn && given !== always[name] && differs(given, says);
  });
  const words = Object.entries(WORDS).filter(([option, says]) => {
    const given = optionOf(rayWords, option);
    return given !== null && differs(given, says);
  });
  const wrong = [
    ...variables.map(([name]) => name),
    ...NEVER.filter((name) => isGiven(env, name)),
    ...words.map(([option]) => `-- ${option}`),
  ];
  return wrong.map((where) => ({
    where,
    problem: "expected no value, since the membership sets it, got one",
    fix:
      member === null
        ? "Leave it out."
        : `Leave it out: this node is ${member.member} of ${member.cluster.name}.`,
  }));
}
