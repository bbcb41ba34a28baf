import * as hosts from "../common/address.ts";
import { kind, LOG_VARIABLE, type ValuesOf, type Variable } from "../common/environment.ts";
import { MIN_TTL_S, RENEW_DEADLINE_S } from "../common/protocol/lease-protocol.ts";
import { err, ok } from "../common/result.ts";
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
    "the certificate of that etcd's CA (PEM); with it the service speaks TLS with etcd",
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
