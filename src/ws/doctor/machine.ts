import { limitWarnings } from "../compose/host-plan.ts";
import type { Settings } from "../config/settings.ts";
import type { DoctorFacts, MachineFacts } from "./facts.ts";
import { bad, type Finding, good, note } from "./finding.ts";
import { gpu } from "./gpu.ts";
import { networkFindings } from "./networks.ts";

/** Ray images, and what a cluster writes into them. */
const LEAST_FREE_BYTES = 10 * 2 ** 30;
const GIB = 2 ** 30;
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** What of the machine stands in a cluster's way. Pure. */
export function machineFindings({ settings, machine, docker }: DoctorFacts): Finding[] {
  return [
    good("Node", machine.node),
    ...engineFindings(machine),
    python(machine),
    ...hostFindings(settings, machine),
    gpu(settings, machine, docker),
    ...machine.disks.map(({ folder, freeBytes }) =>
      freeBytes >= LEAST_FREE_BYTES
        ? good("Disk", `${gib(freeBytes)} free for ${folder}`)
        : bad(
            "Disk",
            `${gib(freeBytes)} free for ${folder}, less than ${gib(LEAST_FREE_BYTES)}`,
            "Make room: docker system df shows what the engine keeps.",
          ),
    ),
    ...(docker === undefined ? [] : networkFindings(settings, machine, docker)),
  ];
}

function engineFindings({ engine, compose }: MachineFacts): Finding[] {
  if (!engine.ok)
    return [
      note(
        "Docker engine",
        `none answers: ${engine.error}`,
        "ws takes the embedded runtime; start the engine to have containers.",
      ),
    ];
  const { version, warnings, elsewhere } = engine.value;
  return [
    good("Docker engine", `version ${version}${elsewhere === undefined ? "" : `, on ${elsewhere}`}`),
    ...warnings.map((line) => note("Docker engine", `docker says: ${line}`)),
    ...(elsewhere === undefined ? [] : [remote(elsewhere)]),
    composeFinding(compose),
  ];
}

/** What `ws` knows about this machine may not hold for the engine's machine. */
const remote = (host: string): Finding =>
  note(
    "Docker engine",
    `containers run on ${host}: ports are published there and bind mounts name its folders, but CPUs, memory and GPU are checked against this machine`,
    `Set host.ip_address in config.yaml to ${host}'s own IPv4 address, and host.has_gpu.`,
  );

/** What compose.yaml needs: `depends_on` with conditions in a file without a version (docker-compose 1.27.1), GPUs (1.28). */
const LEAST_COMPOSE = [1, 29] as const;

function composeFinding(compose: MachineFacts["compose"]): Finding {
  const fix = "Install the plugin (docker-compose-plugin) or docker-compose 1.29.";
  if (!compose.ok) return bad("Compose", compose.error, fix);
  const { words, version } = compose.value;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = LEAST_COMPOSE;
  const saw = `${words.join(" ")} ${version}`;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? good("Compose", saw)
    : bad("Compose", `${saw} is too old, at least ${LEAST_COMPOSE.join(".")} is needed`, fix);
}

function python({ python: found, engine }: MachineFacts): Finding {
  if (found.ok) return good("Python", `${found.value}, with venv`);
  const fix = "Install python3 and python3-venv, or name another one in WS_PYTHON.";
  return engine.ok
    ? note("Python", `${found.error}; only the embedded runtime needs it`, fix)
    : bad("Python", found.error, fix);
}

function hostFindings(settings: Settings, { host, addresses, sharedMemoryBytes }: MachineFacts): Finding[] {
  return [
    address(settings, host.ipAddress, addresses),
    resources(settings, host),
    sharedMemory(settings, sharedMemoryBytes),
  ];
}

function address({ hostIpAddress }: Settings, found: string | undefined, own: readonly string[]): Finding {
  const topic = "Host address";
  const used = hostIpAddress ?? found;
  if (used === undefined)
    return bad(topic, "none was found", "Set host.ip_address in config.yaml to this machine's IPv4 address.");
  if (own.includes(used))
    return good(topic, `${used}${hostIpAddress === undefined ? ", found by itself" : ", from config.yaml"}`);
  return note(
    topic,
    `${used} is none of this machine's own (${own.join(", ")})`,
    "Right only if another machine forwards it to here; else set host.ip_address.",
  );
}

function resources(settings: Settings, host: MachineFacts["host"]): Finding {
  const nodes = [...settings.nodes, settings.test.worker];
  const warnings = nodes.flatMap((node) => limitWarnings(node, host));
  const has = `${host.cpus} CPUs, ${gib(host.memoryBytes)} of memory`;
  return warnings.length === 0
    ? good("CPUs and memory", has)
    : note(
        "CPUs and memory",
        `${has}; ${warnings.map(({ where, problem }) => `${where}: ${problem}`).join("; ")}`,
      );
}

/** Containers have a /dev/shm of their own; the embedded runtime's nodes share the machine's. */
function sharedMemory({ nodes }: Settings, bytes: number): Finding {
  const wanted = nodes.reduce((sum, { objectStoreBytes }) => sum + objectStoreBytes, 0);
  if (bytes >= wanted) return good("/dev/shm", gib(bytes));
  return note(
    "/dev/shm",
    `${gib(bytes)}, and the object stores want ${gib(wanted)}`,
    "The embedded runtime gives each node less; containers are not concerned.",
  );
}
