import * as hosts from "../../common/address.ts";
import { LOG_VARIABLE, kind as plainKind, type ValuesOf, type Variable } from "../../common/environment.ts";
import { ok } from "../../common/result.ts";
import type { Form } from "../../common/values.ts";
import * as scalars from "../../common/values.ts";

interface NodeVariable extends Variable {
  /** The option of `ray start` that it sets. */
  readonly option?: string | undefined;
  /** Only where this node is the HEAD. */
  readonly headOnly?: boolean;
}

/** Here `option` differs as well. */
const kind =
  <T>(form: Form<T>, fix: string, headOnly = false) =>
  <F extends string | null>(fallback: F, meaning: string, option?: string) => ({
    ...plainKind(form, fix)(fallback, meaning),
    ...{ option, headOnly },
  });

const PORT_FIX = "Give a free port from 1 to 65535, in digits only.";
const port = kind(hosts.port, PORT_FIX);
const headPort = kind(hosts.port, PORT_FIX, true);
const seconds = kind(scalars.seconds, "Give seconds, such as 2 or 0.5.");
const positiveSeconds = kind(scalars.positiveSeconds, "Give seconds above 0, such as 2 or 0.5.");
const address = kind(hosts.address, "Give host:port, such as ray-cpu:6379.");
const path = kind(scalars.path, "Give a path from the root.");

/** Null: no health service is wanted. */
const HEALTH_URL: Form<readonly string[] | null> = {
  ...hosts.httpUrls,
  parse: (text) => {
    if (/^(?:none|no|off|false|disabled|-)$/i.test(text)) return ok(null);
    // https: of a member, as its membership says.
    const parsed = hosts.httpUrls.parse(text.replace(/^https:/, "http:"));
    return parsed.ok && text.startsWith("https:") ? ok([text]) : parsed;
  },
};

/**
 * The whole environment contract, in the order in which it is shown. The first block is the contract of the bash
 * script that this program replaces; what is new starts with RAY_EP_.
 */
export const VARIABLES = {
  HEAD_WHITELIST: {
    ...kind(hosts.whitelist, "Name at least one host, each once, such as: ray-cpu ray-gpu:6380")(
      "ray-cpu ray-gpu",
      "candidates for HEAD in order of preference, split by spaces or commas: name, name:port or name=host:port",
    ),
    notBlank: true,
  },
  HEALTH_URL: kind(HEALTH_URL, "Give a URL with its scheme, such as http://health:8080, or none.")(
    "http://health:8080",
    "URL of the health service; or those of several that share one store, split by spaces or commas; or none to run without one",
  ),
  HEALTH_TIMEOUT: positiveSeconds("1", "seconds for one request to the health service"),
  HEALTH_MAX_RETRIES: kind(scalars.wholeNumber(1, 1000), "Give a whole number from 1.")(
    "3",
    "how often the health service is asked before it counts as down",
  ),
  HEALTH_RETRY_INTERVAL: seconds("0.5", "seconds between two of those tries"),
  DISCOVERY_TIMEOUT: positiveSeconds("2", "seconds for one probe of a candidate"),
  WAIT_FOR_HEAD: seconds("60", "seconds that a WORKER waits for its HEAD"),
  HEAD_ADDRESS: address(null, "an explicit HEAD, host:port; overrides HEAD_ADDRESS_CFG"),
  HEAD_ADDRESS_CFG: address(null, "the explicit HEAD of the configuration, host:port"),
  RAY_HEAD_PORT: headPort(null, "GCS port of a HEAD (default: its whitelist entry's, else 6379)", "--port"),
  RAY_DASHBOARD_PORT: headPort("8265", "dashboard port of a HEAD", "--dashboard-port"),
  RAY_CLIENT_PORT: headPort("10001", "Ray Client port of a HEAD", "--ray-client-server-port"),
  NODE_IP_ADDRESS: kind(hosts.peer, "Give a host name or an IPv4 address.")(
    null,
    "the address or name that this node advertises to Ray (default: the address of HEAD_ADDRESS or of its whitelist entry, if one of its interfaces has it)",
    "--node-ip-address",
  ),
  NODE_MANAGER_PORT: port(null, "fixed node manager port, needed across NAT", "--node-manager-port"),
  OBJECT_MANAGER_PORT: port(null, "fixed object manager port, needed across NAT", "--object-manager-port"),
  MIN_WORKER_PORT: port(null, "first port of Ray's worker processes, needed across NAT", "--min-worker-port"),
  MAX_WORKER_PORT: port(null, "last port of Ray's worker processes, needed across NAT", "--max-worker-port"),
  RAY_NUM_CPUS: kind(scalars.cpus, "Give a whole number, such as 4 (ray start takes no fractions).")(
    null,
    "CPUs that this node offers",
    "--num-cpus",
  ),
  RAY_NUM_GPUS: kind(scalars.wholeNumber(0, 1_000_000), "Give a whole number, such as 1.")(
    null,
    "GPUs that this node offers",
    "--num-gpus",
  ),
  RAY_MEMORY: kind(scalars.bytes, "Give bytes, 8g or 8Gi.")(
    null,
    "memory that this node offers, in bytes or as 8g or 8Gi",
    "--memory",
  ),
  USE_CONDA_ENV: kind(scalars.onOff, "Give true or false.")("false", "take Ray from /opt/conda/envs/py/bin"),
  RAY_EP_JOIN: {
    ...kind(scalars.longSecret, "Give the one word that `ws token` prints.")(
      null,
      "a join token: this node becomes a member of that cluster of several machines, once; a membership in RAY_EP_STATE_DIR wins over it",
    ),
    secret: true,
  },
  RAY_EP_JOIN_FILE: kind(scalars.secretFile, "Give the path of a file from the root.")(
    null,
    "a file that holds the join token",
  ),
  RAY_EP_CANDIDATE: kind(scalars.onOff, "Give true or false.")(
    "false",
    "with a join token: this member may become HEAD",
  ),
  RAY_EP_INTERFACE: kind(
    scalars.words,
    "Give the name of a network interface of this machine, such as eno1.",
  )(
    null,
    "the network interface that a member uses (default: the one by which it reaches the health service)",
  ),
  RAY_EP_NODE_NAME: kind(scalars.words, "Give a name of letters, digits, '.', '_' and '-'.")(
    null,
    "the name of this node (default: the hostname)",
  ),
  RAY_EP_USER: kind(scalars.user, "Give the name of a user of this system, or a uid, such as 1000.")(
    null,
    "the user that Ray runs as: a name, uid or uid:gid (default: `ray` where the container starts as root and has such a user, else the user that it starts as)",
  ),
  RAY_EP_BIN_DIR: path(
    null,
    "the folder that holds `ray`, put first in PATH (default: it is looked for in /home/ray/anaconda3/bin, on PATH, in /opt/venv/bin, /usr/local/bin and conda's environments)",
  ),
  RAY_EP_PIP_REQUIREMENTS: path(
    "/pip-requirements",
    "a requirements file, or a folder of *.txt, installed before start where it exists",
  ),
  RAY_EP_SECOND_LOOK: seconds(
    "10",
    "without a lease: seconds per whitelist position that a candidate waits before it leads",
  ),
  RAY_EP_TAKEOVER_AFTER: seconds(
    "30",
    "seconds that a candidate must itself be without contact to the old HEAD before it takes over; 0: never",
  ),
  RAY_EP_WATCH_INTERVAL: positiveSeconds("1", "seconds between two checks of the running node"),
  RAY_EP_MAX_RESTARTS: kind(scalars.wholeNumber(0, 1_000_000), "Give a whole number, such as 10.")(
    null,
    "how often Ray is restarted without a calm minute in between before this program ends (default: no limit)",
  ),
  RAY_EP_READY_TIMEOUT: positiveSeconds("120", "seconds from `ray start` until this node must be ALIVE"),
  RAY_EP_STOP_GRACE: positiveSeconds("10", "seconds from SIGTERM to the engine's KILL (docker stop: 10)"),
  RAY_EP_FENCING: kind(scalars.oneOf("auto", "plain", "strict"), "Give auto, plain or strict.")(
    "auto",
    "strict: a HEAD that cannot renew its lease ends its Ray; auto: strict where RAY_REDIS_ADDRESS is set",
  ),
  RAY_EP_STATE_DIR: path(null, "the folder in which a HEAD keeps its cluster's state (default: none)"),
  RAY_EP_STATE: kind(scalars.oneOf("auto", "rocksdb", "none"), "Give auto, rocksdb or none.")(
    "auto",
    "auto: a candidate keeps the state where Ray can (2.57 or later) and RAY_EP_STATE_DIR can be written; rocksdb: also where the whitelist's order alone decides who leads; none: never",
  ),
  RAY_EP_HEALTH_TOKEN: {
    ...kind(scalars.secret, "Give one word.")(
      null,
      "the secret that the health service requires for each write",
    ),
    secret: true,
  },
  RAY_EP_HEALTH_TOKEN_FILE: kind(scalars.secretFile, "Give the path of a file from the root.")(
    null,
    "a file that holds that secret",
  ),
  RAY_EP_ALIVE_FILE: path(
    null,
    "a file that exists and is renewed while the cluster lists this node as ALIVE (default: none)",
  ),
  RAY_EP_STATUS_FILE: path(
    null,
    "a file in which this node keeps what it knows of itself, as JSON; it outlives the process (default: none)",
  ),
  RAY_EP_IMAGE: kind(scalars.image, "Give one word.")(
    null,
    "what this node's image was built from, for its reports (docker/Dockerfile sets it)",
  ),
  RAY_EP_LOG: LOG_VARIABLE,
  RAY_EP_LOG_LIMIT: kind(scalars.bytes, "Give bytes, or 10m.")(
    null,
    "for a log that is appended to a file: bytes at which it is copied to FILE.1 and emptied (default: no limit)",
  ),
} as const satisfies Record<string, NodeVariable>;

export type VariableName = keyof typeof VARIABLES;

/** The contract as a list. */
export const CONTRACT = Object.entries(VARIABLES) as [VariableName, NodeVariable][];
export const VARIABLE_NAMES = CONTRACT.map(([name]) => name);

/** The parsed value of every variable; null only where the variable has no fallback. */
export type Values = ValuesOf<typeof VARIABLES>;
