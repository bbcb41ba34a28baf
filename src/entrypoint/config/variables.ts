import * as hosts from "../../common/address.ts";
import type { ValuesOf, Variable } from "../../common/environment.ts";
import { ok } from "../../common/result.ts";
import type { Form } from "../../common/values.ts";
import * as scalars from "../../common/values.ts";

const variable = <T, F extends string | null>(form: Form<T>, fallback: F, meaning: string, fix: string) => ({
  form,
  fallback,
  meaning,
  fix,
});

const port = <F extends string | null>(fallback: F, meaning: string) =>
  variable(hosts.port, fallback, meaning, "Give a free port from 1 to 65535, in digits only.");
const seconds = (fallback: string, meaning: string) =>
  variable(scalars.seconds, fallback, meaning, "Give seconds, such as 2 or 0.5.");
const positiveSeconds = (fallback: string, meaning: string) =>
  variable(scalars.positiveSeconds, fallback, meaning, "Give seconds above 0, such as 2 or 0.5.");
const address = (meaning: string) =>
  variable(hosts.address, null, meaning, "Give host:port, such as ray-cpu:6379.");

/** Null: no health service is wanted. */
const HEALTH_URL: Form<string | null> = {
  ...hosts.httpUrl,
  parse: (text) => (/^(?:none|no|off|false|disabled|-)$/i.test(text) ? ok(null) : hosts.httpUrl.parse(text)),
};

/**
 * The whole environment contract, in the order in which it is shown. The first block is the contract of the bash
 * script that this program replaces; what is new starts with RAY_EP_.
 */
export const VARIABLES = {
  HEAD_WHITELIST: {
    ...variable(
      hosts.whitelist,
      "ray-cpu ray-gpu",
      "candidates for HEAD in order of preference, split by spaces or commas: name, name:port or name=host:port",
      "Name at least one host, each once, such as: ray-cpu ray-gpu:6380",
    ),
    notBlank: true,
  },
  HEALTH_URL: variable(
    HEALTH_URL,
    "http://health:8080",
    "URL of the health service, or none to run without one",
    "Give a URL with its scheme, such as http://health:8080, or none.",
  ),
  HEALTH_TIMEOUT: positiveSeconds("1", "seconds for one request to the health service"),
  HEALTH_MAX_RETRIES: variable(
    scalars.wholeNumber(1, 1000),
    "3",
    "how often the health service is asked before it counts as down",
    "Give a whole number from 1.",
  ),
  HEALTH_RETRY_INTERVAL: seconds("0.5", "seconds between two of those tries"),
  DISCOVERY_TIMEOUT: positiveSeconds("2", "seconds for one probe of a candidate"),
  WAIT_FOR_HEAD: seconds("60", "seconds that a WORKER waits for its HEAD"),
  HEAD_ADDRESS: address("an explicit HEAD, host:port; overrides HEAD_ADDRESS_CFG"),
  HEAD_ADDRESS_CFG: address("the explicit HEAD of the configuration, host:port"),
  RAY_HEAD_PORT: port(
    null,
    "this node's GCS port if it is the HEAD (default: its whitelist entry's, else 6379)",
  ),
  RAY_DASHBOARD_PORT: port("8265", "this node's dashboard port if it is the HEAD"),
  RAY_CLIENT_PORT: port("10001", "this node's Ray Client port if it is the HEAD"),
  NODE_IP_ADDRESS: variable(
    hosts.peer,
    null,
    "the address or name that this node advertises to Ray (default: the address of its whitelist entry, if one of its interfaces has it)",
    "Give a host name or an IPv4 address.",
  ),
  NODE_MANAGER_PORT: port(null, "fixed node manager port, needed across NAT"),
  OBJECT_MANAGER_PORT: port(null, "fixed object manager port, needed across NAT"),
  MIN_WORKER_PORT: port(null, "first port of Ray's worker processes, needed across NAT"),
  MAX_WORKER_PORT: port(null, "last port of Ray's worker processes, needed across NAT"),
  RAY_NUM_CPUS: variable(
    scalars.cpus,
    null,
    "CPUs that this node offers",
    "Give a whole number, such as 4 (ray start takes no fractions).",
  ),
  RAY_NUM_GPUS: variable(
    scalars.wholeNumber(0, 1_000_000),
    null,
    "GPUs that this node offers",
    "Give a whole number, such as 1 (ray start takes no fractions).",
  ),
  RAY_MEMORY: variable(
    scalars.bytes,
    null,
    "memory that this node offers, in bytes or as 8g or 8Gi",
    "Give bytes, 8g or 8Gi.",
  ),
  USE_CONDA_ENV: variable(
    scalars.onOff,
    "false",
    "use /opt/conda/envs/py/bin instead of /home/ray/anaconda3/bin",
    "Give true or false.",
  ),
  RAY_EP_NODE_NAME: variable(
    scalars.words,
    null,
    "the name of this node (default: the hostname)",
    "Give a name of letters, digits, '.', '_' and '-'.",
  ),
  RAY_EP_USER: variable(
    scalars.user,
    null,
    "the user that Ray runs as: a name, uid or uid:gid (default: ray where the container starts as root, else the user that it starts as)",
    "Give the name of a user of this system, or a uid, such as 1000.",
  ),
  RAY_EP_BIN_DIR: variable(
    scalars.path,
    null,
    "the folder that holds `ray`, put first in PATH (default: see USE_CONDA_ENV)",
    "Give a path from the root.",
  ),
  RAY_EP_PIP_REQUIREMENTS: variable(
    scalars.path,
    "/pip-requirements",
    "a requirements file, or a folder of *.txt, installed before start where it exists",
    "Give a path from the root.",
  ),
  RAY_EP_SECOND_LOOK: seconds(
    "10",
    "without a lease: seconds per whitelist position that a candidate waits before it leads",
  ),
  RAY_EP_TAKEOVER_AFTER: seconds(
    "30",
    "seconds that a candidate itself must not have reached the old HEAD before it takes over; 0: never",
  ),
  RAY_EP_WATCH_INTERVAL: positiveSeconds("1", "seconds between two checks of the running node"),
  RAY_EP_MAX_RESTARTS: variable(
    scalars.wholeNumber(0, 1_000_000),
    null,
    "how often Ray is restarted without a calm minute in between before this program ends (default: no limit)",
    "Give a whole number, such as 10.",
  ),
  RAY_EP_READY_TIMEOUT: positiveSeconds(
    "120",
    "seconds from `ray start` until the GCS must list this node as ALIVE",
  ),
  RAY_EP_STOP_GRACE: positiveSeconds("10", "seconds from SIGTERM to the engine's KILL (docker stop: 10)"),
  RAY_EP_FENCING: variable(
    scalars.oneOf("auto", "plain", "strict"),
    "auto",
    "strict: a HEAD that cannot renew its lease ends its Ray; auto: strict where RAY_REDIS_ADDRESS is set",
    "Give auto, plain or strict.",
  ),
  RAY_EP_HEALTH_TOKEN: {
    ...variable(
      scalars.secret,
      null,
      "the secret that the health service wants with each write",
      "Give one word.",
    ),
    secret: true,
  },
  RAY_EP_HEALTH_TOKEN_FILE: variable(
    scalars.secretFile,
    null,
    "a file that holds that secret",
    "Give the path of a file from the root.",
  ),
  RAY_EP_ALIVE_FILE: variable(
    scalars.path,
    null,
    "a file that exists and is renewed while the cluster lists this node as ALIVE (default: none)",
    "Give a path from the root, such as /run/ray-entrypoint/alive.",
  ),
  RAY_EP_STATUS_FILE: variable(
    scalars.path,
    null,
    "a file in which this node keeps what it knows of itself, as JSON; it outlives the process (default: none)",
    "Give a path from the root, such as /run/ray-entrypoint/status.json.",
  ),
  RAY_EP_LOG: variable(
    scalars.oneOf("text", "timed", "json"),
    "text",
    "format of the log: text, timed (text with the time in front of each line) or json",
    "Give text, timed or json.",
  ),
  RAY_EP_LOG_LIMIT: variable(
    scalars.bytes,
    null,
    "for a log that is appended to a file: bytes at which it is copied to FILE.1 and emptied (default: no limit)",
    "Give bytes, or 10m.",
  ),
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof VARIABLES;

/** The parsed value of every variable; null only where the variable has no fallback. */
export type Values = ValuesOf<typeof VARIABLES>;
