import { limitWarnings } from "../compose/host-plan.ts";
import { freeNetwork, overlapping } from "../drivers/compose/conflicts.ts";
import { ASK_AGAIN, bad, type Finding, good, note } from "./finding.ts";
import type { DoctorFacts } from "./look.ts";

const GIB = 2 ** 30;
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** What of the machine stands in a cluster's way. Pure. */
export const machineFindings = (facts: DoctorFacts): Finding[] => RULES.flatMap((rule) => rule(facts));

function engine({ machine: { engine: answer } }: DoctorFacts): Finding | Finding[] {
  const topic = "Docker engine";
  if (!answer.ok)
    return note(
      topic,
      `none answers: ${answer.error}`,
      "ws takes the embedded runtime; start the engine to have containers.",
    );
  const { version, warnings, elsewhere } = answer.value;
  const notes = warnings.map((line) => note(topic, `docker says: ${line}`));
  if (elsewhere === undefined) return [good(topic, `version ${version}`), ...notes];
  return [
    good(topic, `version ${version}, on ${elsewhere}`),
    ...notes,
    // What `ws` knows about this machine may not hold for the engine's machine.
    note(
      topic,
      `containers run on ${elsewhere}: ports are published there and bind mounts name its folders, but CPUs, memory and GPU are checked against this machine`,
      `Set host.ip_address in config.yaml to ${elsewhere}'s own IPv4 address, and host.has_gpu.`,
    ),
  ];
}

/** What compose.yaml needs: `depends_on` with conditions in a file without a version (docker-compose 1.27.1), GPUs (1.28). */
const MIN_COMPOSE = [1, 29] as const;

function compose({ machine }: DoctorFacts): Finding | Finding[] {
  if (!machine.engine.ok) return [];
  const fix = "Install the plugin (docker-compose-plugin) or docker-compose 1.29.";
  if (!machine.compose.ok) return bad("Compose", machine.compose.error, fix);
  const { words, version } = machine.compose.value;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minMajor, minMinor] = MIN_COMPOSE;
  const saw = `${words.join(" ")} ${version}`;
  return major > minMajor || (major === minMajor && minor >= minMinor)
    ? good("Compose", saw)
    : bad("Compose", `${saw} is too old, at least ${MIN_COMPOSE.join(".")} is needed`, fix);
}

function python({ machine: { python: found, engine: answer } }: DoctorFacts): Finding {
  if (found.ok) return good("Python", `${found.value}, with venv`);
  const fix = "Install python3 and python3-venv, or name another one in WS_PYTHON.";
  return answer.ok
    ? note("Python", `${found.error}; only the embedded runtime needs it`, fix)
    : bad("Python", found.error, fix);
}

function address({ settings: { hostIpAddress }, machine: { host, addresses } }: DoctorFacts): Finding {
  const topic = "Host address";
  const used = hostIpAddress ?? host.ipAddress;
  if (used === undefined)
    return bad(topic, "none was found", "Set host.ip_address in config.yaml to this machine's IPv4 address.");
  if (addresses.includes(used))
    return good(topic, `${used}${hostIpAddress === undefined ? ", found by itself" : ", from config.yaml"}`);
  return note(
    topic,
    `${used} is none of this machine's own (${addresses.join(", ")})`,
    "Right only if another machine forwards it to here; else set host.ip_address.",
  );
}

function resources({ settings, machine: { host } }: DoctorFacts): Finding {
  const nodes = [...settings.nodes, settings.test.worker];
  const warnings = nodes.flatMap((node) => limitWarnings(node, host));
  const has = `${host.cpus} CPUs, ${gib(host.memoryBytes)} of memory`;
  const lacks = warnings.map(({ where, problem }) => `${where}: ${problem}`);
  const topic = "CPUs and memory";
  return lacks.length === 0 ? good(topic, has) : note(topic, `${has}; ${lacks.join("; ")}`);
}

/** Containers have a /dev/shm of their own; the embedded runtime's nodes share the machine's. */
function sharedMemory({ settings, machine: { sharedMemoryBytes: bytes } }: DoctorFacts): Finding {
  const wanted = settings.nodes.reduce((sum, { objectStoreBytes }) => sum + objectStoreBytes, 0);
  if (bytes >= wanted) return good("/dev/shm", gib(bytes));
  return note(
    "/dev/shm",
    `${gib(bytes)}, and the object stores want ${gib(wanted)}`,
    "The embedded runtime gives each node less; containers are not concerned.",
  );
}

/** Whether the nodes that want GPUs get what config.yaml says, or what the machine has. */
function gpu({ settings: { hostHasGpu, nodes }, machine: { host }, docker }: DoctorFacts): Finding {
  const names = nodes.filter((node) => node.gpu).map(({ name }) => name);
  const run = names.length === 1 ? "runs" : "run";
  const without = names.length === 0 ? "no node wants one" : `${names.join(" and ")} ${run} without one`;
  if (hostHasGpu === true && !host.hasGpu)
    return bad(
      "GPU",
      `host.has_gpu is true, and no NVIDIA GPU was found: ${without}`,
      "Install the driver and the container toolkit, or set it to false.",
    );
  if (!host.hasGpu) return good("GPU", `none: ${without}`);
  const wanted = hostHasGpu !== false && names.length > 0;
  if (wanted && docker?.gpuToolkit === false)
    return bad(
      "GPU",
      "an NVIDIA GPU, and the engine cannot give it to containers: there is no NVIDIA container toolkit",
      "Install nvidia-container-toolkit and run `nvidia-ctk runtime configure --runtime=docker`, or set host.has_gpu: false.",
    );
  return good("GPU", wanted ? "an NVIDIA GPU" : "an NVIDIA GPU, which no container gets");
}

/** Ray images, and what a cluster writes into them. */
const MIN_FREE_BYTES = 10 * GIB;

const disks = ({ machine }: DoctorFacts): Finding[] =>
  machine.disks.map(({ folder, freeBytes }) => {
    const saw = `${gib(freeBytes)} free for ${folder}`;
    return freeBytes >= MIN_FREE_BYTES
      ? good("Disk", saw)
      : bad(
          "Disk",
          `${saw}, less than ${gib(MIN_FREE_BYTES)}`,
          "Make room: docker system df shows what the engine keeps.",
        );
  });

function subnets({ settings, machine: { routes }, docker }: DoctorFacts): Finding | Finding[] {
  if (docker === undefined) return [];
  const { networks } = docker;
  if (!networks.ok)
    return bad("Subnets", `the engine cannot list its networks: ${networks.error}`, ASK_AGAIN);
  const wanted: Readonly<Record<string, string>> = {
    "network.subnet": settings.subnet,
    "cluster_test.test_network_subnet": settings.testSubnet,
  };
  const clashes = Object.entries(wanted).flatMap(([key, text]) => [
    ...networks.value
      .filter((network) => network.subnets.some((each) => overlapping(each, text)))
      .map((network) =>
        bad(
          "Subnets",
          `${key} ${text} meets ${network.subnets.join(", ")} of the engine's network ${network.name}`,
          freeNetwork(key, network),
        ),
      ),
    ...routes
      .filter(({ subnet }) => overlapping(subnet, text))
      .map(({ device, subnet }) =>
        bad(
          "Subnets",
          `${key} ${text} meets ${subnet}, which this machine reaches through ${device} (a LAN or a VPN)`,
          `Set another ${key}: containers would hide that network, or it them.`,
        ),
      ),
  ]);
  if (clashes.length > 0) return clashes;
  return good("Subnets", `${settings.subnet} and ${settings.testSubnet} are free`);
}

function ports({ docker }: DoctorFacts): Finding | Finding[] {
  if (docker === undefined) return [];
  if (docker.ports.length === 0)
    return good("Ports", "those that the cluster publishes are free, or its own");
  return docker.ports.map(({ where, problem, fix }) => bad("Ports", `${where}: ${problem}`, fix));
}

const images = ({ docker }: DoctorFacts): Finding[] =>
  (docker?.missingImages ?? []).map((image) =>
    note("Images", `${image} is not here yet`, `The first ws up pulls it; by hand: docker pull ${image}`),
  );

/** What each thing that was looked at means, in the order in which it is shown. */
const RULES: readonly ((facts: DoctorFacts) => Finding | Finding[])[] = [
  ({ machine }) => good("Node", machine.node),
  ...[engine, compose, python, address, resources, sharedMemory, gpu, disks],
  ...[subnets, ports, images],
];
