import * as hosts from "../common/address.ts";
import { healthTokenIn, noHealthToken } from "../common/auth-token.ts";
import {
  describeVariables,
  type Environment,
  kind,
  LOG_VARIABLE,
  readEnvironment,
  type ValuesOf,
  type Variable,
} from "../common/environment.ts";
import type { Problem } from "../common/failure.ts";
import { MIN_TTL_S, RENEW_DEADLINE_S } from "../common/protocol/lease-protocol.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Form } from "../common/values.ts";
import * as scalars from "../common/values.ts";

const TTL_TOO_SHORT = `expected at least ${MIN_TTL_S} seconds: a holder may go on for ${RENEW_DEADLINE_S} seconds without a renewal`;
const leaseTtl: Form<number> = {
  ...scalars.positiveSeconds,
  parse: (text) => {
    const ms = scalars.positiveSeconds.parse(text);
    return ms.ok && ms.value < MIN_TTL_S * 1000 ? err(TTL_TOO_SHORT) : ms;
  },
};

const STORE_FIX = "Give file:/var/lib/ray-health or, say, etcd://m1:2379,m2:2379,m3:2379.";
/** A folder, or the members of an etcd. */
const store: Form<{ readonly folder: string } | { readonly etcd: readonly hosts.Address[] }> = {
  expected: "file:/FOLDER or etcd://host:port,host:port",
  parse: (text) => {
    const [, scheme, rest = ""] = /^(file:|etcd:\/\/)(.+)$/.exec(text) ?? [];
    if (scheme === undefined) return scalars.refuse(store.expected, text);
    if (scheme === "file:") {
      const folder = scalars.path.parse(rest);
      return folder.ok ? ok({ folder: folder.value }) : folder;
    }
    const members = hosts.addresses.parse(rest);
    return members.ok ? ok({ etcd: members.value }) : members;
  },
};

const path = kind(scalars.path, "Give a path from the root.");
const port = kind(hosts.port, "Give a free port from 1 to 65535, in digits only.");

/** All have a default. */
export const VARIABLES = {
  RAY_EP_HEALTH_HOST: kind(hosts.host, "Give an IPv4 address or a name of this machine, such as 0.0.0.0.")(
    "0.0.0.0",
    "the address to listen on",
  ),
  RAY_EP_HEALTH_PORT: port("8080", "the port to listen on"),
  RAY_EP_HEALTH_STATE_DIR: kind(scalars.path, "Give a path from the root, such as /var/lib/ray-health.")(
    null,
    "a folder that keeps the head lease across restarts (default: only in memory)",
  ),
  RAY_EP_HEALTH_STORE: kind(store, STORE_FIX)(
    null,
    "where the head lease is kept: file:FOLDER, as RAY_EP_HEALTH_STATE_DIR; or etcd://host:port,… which several services share, so that each of them may be lost",
  ),
  RAY_EP_HEALTH_STORE_CA: path(
    null,
    "the certificate of the CA of that etcd (PEM), which then is spoken to over TLS",
  ),
  RAY_EP_HEALTH_STORE_CERT: path(null, "the certificate that etcd knows this service by (PEM)"),
  RAY_EP_HEALTH_STORE_KEY: path(null, "its key (PEM)"),
  HEAD_WHITELIST: kind(hosts.whitelist, "Give the nodes' own HEAD_WHITELIST, such as: ray-cpu ray-gpu:6380")(
    null,
    "the nodes that may hold the head lease, as the nodes themselves have it (default: every node)",
  ),
  RAY_EP_LEASE_TTL: kind(leaseTtl, "Give seconds, such as 15.")(
    "15",
    "seconds that the head lease lasts without being renewed, at least 12",
  ),
  RAY_EP_HEALTH_TOKEN: kind(scalars.secret, "Give the same secret to the health service and to the nodes.")(
    null,
    "a secret that every write must bring (default: writes are open)",
  ),
  RAY_EP_HEALTH_TOKEN_FILE: kind(scalars.secretFile, "Give the path of a file that this program can read.")(
    null,
    "a file that holds that secret",
  ),
  RAY_EP_HEALTH_ALLOWED_HOSTS: kind(hosts.hosts, "Give names, such as: health.example.org")(
    null,
    "public names under which nodes reach this service when it has no token (addresses, names without dots and private names are always accepted)",
  ),
  RAY_EP_CLUSTER_DIR: kind(scalars.path, "Give a path from the root, such as /var/lib/ray-cluster.")(
    null,
    "a folder that keeps a cluster of members, which join by a token over TLS (default: whoever reaches this service takes part)",
  ),
  RAY_EP_CLUSTER_NAME: kind(scalars.words, "Give a name, such as lab.")(
    "ray",
    "the name of that cluster, when it is made",
  ),
  RAY_EP_CLUSTER_RAY_TLS: kind(scalars.onOff, "Give true or false.")(
    "false",
    "whether the Ray of that cluster's members speaks TLS, when it is made",
  ),
  RAY_EP_HEALTH_TLS_PORT: port("8443", "the port on which members reach this service"),
  RAY_EP_HEALTH_ADVERTISE: kind(hosts.address, "Give host:port, such as 10.77.0.1:8443.")(
    null,
    "the address of that port as members know it, host:port",
  ),
  RAY_EP_LOG: LOG_VARIABLE,
} as const satisfies Record<string, Variable>;

/** The value of every variable. The token is there whether it was given or read from its file. */
export type Config = ValuesOf<typeof VARIABLES>;

/** Reads the environment into a Config, or lists every problem at once. Values of secrets are never shown. */
export function readConfig(
  env: Environment,
  readText: (file: string) => string | null,
): Result<Config, readonly Problem[]> {
  const { values, problems } = readEnvironment(VARIABLES, env);
  problems.push(...clusterProblems(values), ...storeProblems(values));
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
