const TOO_LITTLE_MEMORY = "there is too little memory";
export const DISK_FULL =
  "the disk is full: df -h shows which (docker system df, what the engine keeps there)";
export const PORT_IN_USE =
  "a port is in use; stop what holds it (docker ps, ss -ltnp), or set another in config.yaml";
export const VERSIONS_DIFFER = "the nodes have different versions of Ray";
export const TOKENS_DIFFER = "the nodes have different tokens (RAY_AUTH_MODE, RAY_AUTH_TOKEN)";

/** The engine's words (Docker 20.10 to 28, docker-compose 1.29, compose 2 and later), Ray's (2.40 to 2.60) and the kernel's. */
const WORDS: readonly (readonly [seen: RegExp, cause: string])[] = [
  // The state of the container, which knows it for sure.
  [/^out of memory \(exit code/im, TOO_LITTLE_MEMORY],
  // Before the disk: /dev/shm is a disk of its own, and the kernel's word is the same.
  [
    /exceeds \/dev\/shm size|\/dev\/shm has only|object store is using .* instead of \/dev\/shm|\/dev\/shm.*No space left|No space left .*shm|shm.*too small/i,
    "/dev/shm is too small for the object store; raise shm_size, or lower object_store_memory in config.yaml",
  ],
  [/no space left on device/i, DISK_FULL],
  [
    /port is already allocated|address already in use|ports are not available|EADDRINUSE|already occupied|failed to bind/i,
    PORT_IN_USE,
  ],
  [
    /container name "[^"]*" is already in use/i,
    "another container has that name; remove it, or set another project.name in config.yaml",
  ],
  [
    /Pool overlaps with other one|invalid pool request|all predefined address pools/i,
    "another network has that subnet (docker network ls); set network.subnet or cluster_test.test_network_subnet",
  ],
  [
    /pull access denied|manifest (?:for .* )?(?:unknown|not found)|No such image|repository does not exist|error pulling image|failed to resolve source metadata.*: not found/i,
    "there is no such image; check services.ray.*.image in config.yaml, or --image, and that this machine reaches its registry",
  ],
  [
    /(?:dial tcp|lookup) .*(?:no such host|unreachable|refused|timeout)|TLS handshake timeout|failed to do request/i,
    "this machine does not reach the image's registry; check services.ray.*.image in config.yaml, or --image, and the network",
  ],
  // docker/install.sh, whose words the builders repeat.
  [
    /No (?:Ray|Python) in this image/,
    "the image that the node's is made from has no Ray; name one that has it: services.ray.*.image in config.yaml, or --image",
  ],
  [
    /bind source path does not exist/i,
    "the engine does not see the files of this cluster's tokens; use an engine of this machine, or one that shares its folders",
  ],
  [
    /could not select device driver|nvidia-container|no NVIDIA GPU/i,
    "the engine can give no GPU; install the NVIDIA container toolkit, or set host.has_gpu: false",
  ],
  [
    /Range of CPUs is from|cpus? .*more than .*available/i,
    "a container wants more CPUs than the machine has; run ws generate on this machine",
  ],
  [
    /AF_UNIX path length cannot exceed|path.*too long/i,
    "the path of Ray's session folder is longer than a unix socket's name may be",
  ],
  [
    /Attempting to cap object store memory|object_store_memory .* (?:larger|exceeds)|OBJECT_STORE_MINIMUM/,
    "the object store does not fit into this machine's memory; lower services.ray.*.memory in config.yaml",
  ],
  [/version mismatch/i, VERSIONS_DIFFER],
  [/InvalidAuthToken/, TOKENS_DIFFER],
  [/Cannot allocate memory|MemoryError|OOMKilled|out of memory/i, TOO_LITTLE_MEMORY],
  [
    /Cannot connect to the Docker daemon|permission denied .*docker\.sock/i,
    "the engine does not answer this user; start it, or join the group docker",
  ],
];

/** The likely cause of what went wrong, from the last words; undefined where they show none that we know. Pure. */
export function likelyCause(lines: readonly string[]): string | undefined {
  const text = lines.join("\n");
  return WORDS.find(([seen]) => seen.test(text))?.[1];
}
