import { modeIn, noHealthToken, type RayAuth } from "../../common/auth-token.ts";
import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import { shownPath } from "../../common/output/shown.ts";
import type { Identity } from "./identity.ts";
import { optionName } from "./ray-words.ts";
import type { Values } from "./variables.ts";

/** The role is what this program decides, and with it whom the node joins. */
export function findForeignWords(rayWords: readonly string[]): Problem[] {
  return ["--head", "--address"]
    .filter((option) => rayWords.some((word) => optionName(word) === option))
    .map((option) => ({
      where: `-- ${option}`,
      problem: "expected words for `ray start` that leave the role open",
      fix: "Set HEAD_ADDRESS to the HEAD's host:port; the HEAD is the node that it names.",
    }));
}

/** Said before anything starts: Ray would say it later, in a long trace, and on one node after the other. */
export function findMissingSecrets(
  {
    auth,
    values,
    healthToken,
  }: { readonly auth: RayAuth; readonly values: Values; readonly healthToken: string | null },
  env: Environment,
): Problem[] {
  const problems = findTokenProblems(auth, env);
  if (values.RAY_EP_HEALTH_TOKEN_FILE !== null && healthToken === null)
    problems.push(noHealthToken(values.RAY_EP_HEALTH_TOKEN_FILE));
  return problems;
}

const TOKEN_FIX = "Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it.";

function findTokenProblems(auth: RayAuth, env: Environment): Problem[] {
  if (modeIn(env) === "unknown")
    return [
      {
        where: "RAY_AUTH_MODE",
        problem: `expected token or disabled, got "${env.RAY_AUTH_MODE}", which Ray reads as disabled`,
        fix: "Set it to token, or leave it unset: then a token is used if there is one.",
      },
    ];
  if (auth.mode === "token" && auth.token === null)
    return [
      {
        where: "RAY_AUTH_TOKEN",
        problem: "expected a token, since RAY_AUTH_MODE=token, got none",
        fix: TOKEN_FIX,
      },
    ];
  // Ray fails if a named file holds no token, even when it does not need one.
  if (auth.reason === "no-token" && !env.RAY_AUTH_TOKEN && env.RAY_AUTH_TOKEN_PATH)
    return [
      {
        where: "RAY_AUTH_TOKEN_PATH",
        problem: `expected a file that holds a token, got ${shownPath(env.RAY_AUTH_TOKEN_PATH)}, which cannot be read or is empty`,
        fix: TOKEN_FIX,
      },
    ];
  // The token is sent as a header; characters that gRPC cannot send make Ray fail with a long trace.
  return auth.token === null || /^[\x20-\x7e]+$/.test(auth.token)
    ? []
    : [
        {
          where: "RAY_AUTH_TOKEN",
          problem: "expected printable ASCII characters in one line, got others",
          fix: TOKEN_FIX,
        },
      ];
}

/** What two variables say that cannot both be meant. */
export function findConflicts(
  config: Pick<Identity, "ownEntry" | "ownAddress"> & {
    readonly values: Values;
    readonly fencing: "plain" | "strict";
  },
): Problem[] {
  const { values } = config;
  const problems: Problem[] = [];
  const own = config.ownEntry;
  if (own && !own.mapped && own.port !== undefined && own.port !== config.ownAddress.port)
    problems.push({
      where: "RAY_HEAD_PORT",
      related: ["HEAD_WHITELIST"],
      problem: `expected the port of this node's whitelist entry ${own.name}:${own.port}, got ${config.ownAddress.port}`,
      fix: "Give both the same port, or write the entry as name=host:port if a port mapping lies between.",
    });
  if (config.fencing === "strict" && values.HEALTH_URL === null)
    problems.push({
      where: "HEALTH_URL",
      related: ["RAY_EP_FENCING"],
      problem: `expected a health service, because strict fencing${values.RAY_EP_FENCING === "auto" ? ", which RAY_REDIS_ADDRESS turns on," : ""} needs its head lease, got none`,
      fix: "Run the health service, or set RAY_EP_FENCING=plain.",
    });
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max } = values;
  if ((min === null) !== (max === null))
    problems.push({
      where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
      problem: "expected both or none, got one",
      fix: "Set both, such as 20000 and 20099.",
    });
  if (min !== null && max !== null && min > max)
    problems.push({
      where: "MIN_WORKER_PORT, MAX_WORKER_PORT",
      problem: `expected the first not above the last, got ${min} and ${max}`,
      fix: "Swap them.",
    });
  return [...problems, ...findSharedPorts(values)];
}

const OWN_PORTS = [
  "RAY_HEAD_PORT",
  "RAY_DASHBOARD_PORT",
  "RAY_CLIENT_PORT",
  "NODE_MANAGER_PORT",
  "OBJECT_MANAGER_PORT",
] as const;

function findSharedPorts(values: Values): Problem[] {
  const taken = OWN_PORTS.flatMap((name) => (values[name] === null ? [] : [{ name, port: values[name] }]));
  const { MIN_WORKER_PORT: min, MAX_WORKER_PORT: max } = values;
  return taken.flatMap(({ name, port }, i) => {
    const other = taken.slice(0, i).find((earlier) => earlier.port === port);
    const inRange = min !== null && max !== null && port >= min && port <= max;
    const range = inRange ? ["MIN_WORKER_PORT", "MAX_WORKER_PORT"] : [];
    const related = other ? [other.name] : range;
    const clash = related.length === 0 ? null : related.join(" to ");
    return clash === null
      ? []
      : [
          {
            where: name,
            related,
            problem: `expected a port of its own, got ${port}, which is also taken by ${clash}`,
            fix: "Give each its own port.",
          },
        ];
  });
}
