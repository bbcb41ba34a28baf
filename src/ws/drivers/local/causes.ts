interface Cause {
  readonly seen: RegExp;
  readonly cause: string;
}

const CAUSES: readonly Cause[] = [
  { seen: /No space left on device|the disk of .* has \d+ MiB left/, cause: "the disk is full" },
  {
    seen: /[Aa]ddress already in use|EADDRINUSE|Failed to bind|already occupied|is taken: another process/,
    cause: "a port is taken; give the node others in config.yaml",
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
  {
    seen: /version mismatch|runs Ray \S+, this node Ray/i,
    cause: "the nodes have different versions of Ray",
  },
  {
    seen: /InvalidAuthToken|refuses this node's token/,
    cause: "the nodes have different tokens (RAY_AUTH_MODE, RAY_AUTH_TOKEN)",
  },
  { seen: /Cannot allocate memory|Out of memory|MemoryError/, cause: "the machine has too little memory" },
];

/** The likely cause of a node's end, from its last lines; undefined where they show none that we know. Pure. */
export function likelyCause(lines: readonly string[]): string | undefined {
  const text = lines.join("\n");
  return CAUSES.find(({ seen }) => seen.test(text))?.cause;
}
