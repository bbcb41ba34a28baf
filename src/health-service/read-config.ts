import { healthTokenIn, noHealthToken } from "../common/auth-token.ts";
import { describeVariables, type Environment, readEnvironment } from "../common/environment.ts";
import type { Problem } from "../common/failure.ts";
import { err, ok, type Result } from "../common/result.ts";
import { type Config, VARIABLES } from "./config.ts";

/** Reads the environment into a Config, or lists every problem at once. Values of secrets are never shown. */
export function readConfig(
  env: Environment,
  readText: (file: string) => string | null,
): Result<Config, readonly Problem[]> {
  const { values, problems } = readEnvironment(VARIABLES, env);
  problems.push(...findConflicts(values));
  const { RAY_EP_HEALTH_TOKEN: given, RAY_EP_HEALTH_TOKEN_FILE: file } = values;
  if (file === null) return problems.length > 0 ? err(problems) : ok(values);
  const token = healthTokenIn(readText(file));
  if (token === null) problems.push(noHealthToken(file));
  if (given !== null)
    problems.push({
      where: "RAY_EP_HEALTH_TOKEN, RAY_EP_HEALTH_TOKEN_FILE",
      problem: "expected one of them, got both",
      fix: "Remove one.",
    });
  return problems.length > 0 ? err(problems) : ok({ ...values, RAY_EP_HEALTH_TOKEN: token });
}

/** Values that are right, but not beside each other. Pure. */
const findConflicts = (values: Config): Problem[] => [...clusterProblems(values), ...storeProblems(values)];

function storeProblems({ RAY_EP_HEALTH_STORE: kept, ...values }: Config): Problem[] {
  const { RAY_EP_HEALTH_STORE_CA: ca, RAY_EP_HEALTH_STORE_CERT: cert, RAY_EP_HEALTH_STORE_KEY: key } = values;
  const isEtcd = kept !== null && "etcd" in kept;
  const problems: (Problem | false)[] = [
    isEtcd &&
      values.RAY_EP_CLUSTER_DIR !== null && {
        where: "RAY_EP_HEALTH_STORE",
        problem: "expected a folder beside RAY_EP_CLUSTER_DIR, whose services copy each other, got etcd://",
        fix: "Leave one of the two out.",
      },
    kept !== null &&
      !isEtcd &&
      values.RAY_EP_HEALTH_STATE_DIR !== null && {
        where: "RAY_EP_HEALTH_STORE, RAY_EP_HEALTH_STATE_DIR",
        problem: "expected one folder for the head lease, got two",
        fix: "Remove one.",
      },
    (ca ?? cert ?? key) !== null &&
      (!isEtcd || ca === null || (cert === null) !== (key === null)) && {
        where: "RAY_EP_HEALTH_STORE_CA, RAY_EP_HEALTH_STORE_CERT, RAY_EP_HEALTH_STORE_KEY",
        problem: "expected the CA beside etcd://…, and a certificate with its key or neither",
        fix: "Give all three, or the CA alone where etcd wants no certificate.",
      },
  ];
  return problems.filter((each) => each !== false);
}

/** What members decide or bring by themselves. */
const NOT_WITH_MEMBERS = ["HEAD_WHITELIST", "RAY_EP_HEALTH_TOKEN", "RAY_EP_HEALTH_TOKEN_FILE"] as const;

function clusterProblems(values: Config): Problem[] {
  if (values.RAY_EP_CLUSTER_DIR === null) return [];
  const problems = NOT_WITH_MEMBERS.filter((name) => values[name] !== null).map((name) => ({
    where: name,
    problem:
      "expected nothing beside RAY_EP_CLUSTER_DIR: members have credentials, and candidates say so when they join",
    fix: `Remove ${name}.`,
  }));
  if (values.RAY_EP_HEALTH_ADVERTISE !== null) return problems;
  const fix = "Give this machine's address and the port, such as 10.77.0.1:8443.";
  return [...problems, { where: "RAY_EP_HEALTH_ADVERTISE", problem: "expected host:port, got nothing", fix }];
}

/** What --help prints. */
export const helpText = (version: string): string =>
  `Health service for Ray clusters ${version}: answers GET / with 200 OK and keeps the head lease.

Usage: node health-server.js [--help | --version]

Settings (environment variables; none is needed):
${describeVariables(VARIABLES)}

Paths:
  GET /              200 OK; for a browser a page that shows the cluster
  POST /v1/session   a page's session, which may read, for the token of its user
  GET /v1/cluster    the head lease and the nodes that reported lately
  GET /v1/head       the head lease alone, as nodes read it
  PUT /v1/head       ask for the head lease, or renew it
  DELETE /v1/head    release it
  POST /v1/promote   let a store of several services count that lacks epochs which were seen
  PUT /v1/nodes/NAME what a node says of itself; GET /v1/nodes/NAME/log: its last lines
  GET /v1/events     what happened (?after=ID&limit=N); GET /v1/stream: the same and the cluster as they come
  POST /v1/reach     dial a node back, to see whether it can be reached
  GET /metrics       numbers for Prometheus; GET /v1/prometheus-targets: where Ray's own are

Paths of a cluster of members (RAY_EP_CLUSTER_DIR), over TLS; all but GET /, POST /v1/join and GET /v1/leader want a credential:
  GET /              200 OK, also without TLS
  POST /v1/join      become a member
  GET /v1/members, DELETE /v1/members/NAME, POST and DELETE /v1/tokens, GET and POST /v1/ray-token,
  POST /v1/dial-back, POST /v1/ray-certificate, POST /v1/base
  GET /v1/leader, GET /v1/replica, POST /v1/promote: several services of one cluster

Exit codes: 0 a requested stop (SIGTERM, SIGINT, SIGQUIT); 69 the address cannot be listened on;
74 the kept state, or the keys of the store, cannot be read; 78 a wrong setting.
`;
