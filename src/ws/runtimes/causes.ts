import type { NodeStatus } from "../../common/node-status.ts";
import { TEST_WORKER_NAME } from "../settings.ts";

interface Cause {
  readonly seen: RegExp;
  readonly cause: string;
}

const TOO_LITTLE_MEMORY = "there is too little memory";
const DISK_FULL = "the disk is full: df -h shows which (docker system df, what the engine keeps there)";
const PORT_IN_USE =
  "a port is in use; stop what holds it (docker ps, ss -ltnp), or set another in config.yaml";
const VERSIONS_DIFFER = "the nodes have different versions of Ray";
const TOKENS_DIFFER = "the nodes have different tokens (RAY_AUTH_MODE, RAY_AUTH_TOKEN)";
const NO_USER = "the image has no user of that name; set RAY_EP_USER";

/** The engine's words (Docker 20.10 to 28, docker-compose 1.29, compose 2 and later), Ray's (2.40 to 2.60) and the kernel's. */
const WORDS: readonly Cause[] = [
  // The state of the container, which knows it for sure.
  { seen: /^out of memory \(exit code/im, cause: TOO_LITTLE_MEMORY },
  // Before the disk: /dev/shm is a disk of its own, and the kernel's word is the same.
  {
    seen: /exceeds \/dev\/shm size|\/dev\/shm has only|object store is using .* instead of \/dev\/shm|\/dev\/shm.*No space left|No space left .*shm|shm.*too small/i,
    cause:
      "/dev/shm is too small for the object store; raise shm_size, or lower object_store_memory in config.yaml",
  },
  { seen: /no space left on device/i, cause: DISK_FULL },
  {
    seen: /port is already allocated|address already in use|ports are not available|EADDRINUSE|already occupied|failed to bind/i,
    cause: PORT_IN_USE,
  },
  {
    seen: /container name "[^"]*" is already in use/i,
    cause: "another container has that name; remove it, or set another project.name in config.yaml",
  },
  {
    seen: /Pool overlaps with other one|invalid pool request|all predefined address pools/i,
    cause:
      "another network has that subnet (docker network ls); set network.subnet or cluster_test.test_network_subnet",
  },
  {
    seen: /pull access denied|manifest (?:for .* )?(?:unknown|not found)|No such image|repository does not exist|error pulling image|failed to resolve source metadata.*: not found/i,
    cause:
      "there is no such image; check services.ray.*.image in config.yaml and that this machine reaches its registry",
  },
  {
    seen: /(?:dial tcp|lookup) .*(?:no such host|unreachable|refused|timeout)|TLS handshake timeout|failed to do request/i,
    cause:
      "this machine does not reach the image's registry; check services.ray.*.image in config.yaml, and the network",
  },
  {
    seen: /could not select device driver|nvidia-container|no NVIDIA GPU/i,
    cause: "the engine can give no GPU; install the NVIDIA container toolkit, or set host.has_gpu: false",
  },
  {
    seen: /Range of CPUs is from|cpus? .*more than .*available/i,
    cause: "a container wants more CPUs than the machine has; run ws generate on this machine",
  },
  {
    seen: /AF_UNIX path length cannot exceed|path.*too long/i,
    cause: "the path of Ray's session folder is longer than a unix socket's name may be",
  },
  {
    seen: /Attempting to cap object store memory|object_store_memory .* (?:larger|exceeds)|OBJECT_STORE_MINIMUM/,
    cause:
      "the object store does not fit into this machine's memory; lower services.ray.*.memory in config.yaml",
  },
  { seen: /version mismatch/i, cause: VERSIONS_DIFFER },
  { seen: /InvalidAuthToken/, cause: TOKENS_DIFFER },
  { seen: /Cannot allocate memory|MemoryError|OOMKilled|out of memory/i, cause: TOO_LITTLE_MEMORY },
  {
    seen: /Cannot connect to the Docker daemon|permission denied .*docker\.sock/i,
    cause: "the engine does not answer this user; start it, or join the group docker",
  },
];

/** The likely cause of what went wrong, from the last words; undefined where they show none that we know. Pure. */
export function likelyCause(lines: readonly string[]): string | undefined {
  const text = lines.join("\n");
  return WORDS.find(({ seen }) => seen.test(text))?.cause;
}

/** By the reason of a node's failure or fault. What Ray alone can know (`ray-exited`) its own words show. */
const REASONS: Readonly<Record<string, string>> = {
  "port-taken": PORT_IN_USE,
  "disk-full": DISK_FULL,
  "no-such-user": NO_USER,
  "wrong-user": NO_USER,
  "version-differs": VERSIONS_DIFFER,
  unauthorized: TOKENS_DIFFER,
};

/** The likely cause of a node's end or delay: from what it says of itself, and from its last words. Pure. */
export function causeOf(status: NodeStatus | undefined, lines: readonly string[]): string | undefined {
  if (status === undefined) return likelyCause(lines);
  const { failure, fault } = status;
  return (
    REASONS[failure?.reason ?? ""] ?? likelyCause(lines) ?? whyLate(status) ?? REASONS[fault?.reason ?? ""]
  );
}

/** Why a node that has no role yet is late: the first that holds counts. */
const LATE: readonly ((status: NodeStatus) => string | undefined)[] = [
  // The test worker is to be outside.
  ({ node, whitelist, place }) =>
    place === null && whitelist.length > 0 && node !== TEST_WORKER_NAME
      ? `its hostname ${node} and nodes.head_whitelist (${whitelist.join(", ")}) differ, so that it waits for a HEAD; make both the same`
      : undefined,
  ofHeads(
    ["unresolved"],
    (at) => `the name of its HEAD ${at} does not resolve; correct extra_hosts or nodes.head_address`,
  ),
  ofHeads(
    ["unreachable", "timeout-connect"],
    (at) =>
      `its HEAD ${at} is out of reach; check host.ip_address, the addresses in extra_hosts and the firewall`,
  ),
  ofHeads(
    ["not-ray", "timeout-answer"],
    (at) => `what listens at ${at} is no HEAD; stop it, or set another head_port in config.yaml`,
  ),
  ({ waits }) =>
    waits?.kind === "lease-holder"
      ? `${waits.node} holds the head lease and does not serve; its log says why`
      : undefined,
  ({ health }) =>
    health?.kind === "down"
      ? `the health service ${health.url} does not answer, and without it only the first candidate may lead`
      : undefined,
  ofHeads(["refused"], (at) => `no HEAD serves at ${at}; look at that node's log first`),
];

function ofHeads(answers: readonly string[], cause: (at: string) => string): (typeof LATE)[number] {
  return ({ heads }) => {
    const head = heads.find(({ answer }) => answers.includes(answer));
    return head && cause(head.address);
  };
}

/** A dial-back that says nothing of this node's own ports. */
const UNTOLD = ["reached", "busy", "not-known"];

function whyLate(status: NodeStatus): string | undefined {
  const { reach, decision } = status;
  if (reach !== null && !UNTOLD.includes(reach.result))
    return `the others cannot reach it at ${reach.at} (${reach.result}); its log says which mapping is missing`;
  return decision === null ? LATE.map((cause) => cause(status)).find(Boolean) : undefined;
}
