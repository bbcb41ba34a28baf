import { releaseOf } from "../../common/auth-token.ts";
import { gib } from "../../common/output/units.ts";
import { gpuKindOf, kindWord, limitWarnings } from "../compose/host-plan.ts";
import { freeNetwork, overlapping } from "../drivers/compose/conflicts.ts";
import { ASK_AGAIN, bad, type Finding, good, note, type Said } from "./finding.ts";
import type { DoctorFacts } from "./look.ts";

/** What on this machine stands in a cluster's way. Pure. */
export const machineFindings = (facts: DoctorFacts): Finding[] =>
  Object.entries(RULES).flatMap(([topic, rule]) => [rule(facts)].flat().map((said) => ({ topic, ...said })));

/** What compose.yaml needs: `depends_on` with conditions in a file without a version (docker-compose 1.27.1), GPUs (1.28). */
const MIN_COMPOSE = "1.29";
/** Ray images, and what a cluster writes into them. */
const MIN_FREE_BYTES = 10 * 2 ** 30;

/** What the facts mean, by topic, in the order in which they are shown. */
const RULES: Readonly<Record<string, (facts: DoctorFacts) => Said | Said[]>> = {
  Node: ({ machine }) => good(machine.node),

  "Docker engine": ({ machine: { engine: answer } }) => {
    if (!answer.ok)
      return note(
        `none answers: ${answer.error}`,
        "ws uses the embedded runtime; start the engine to use containers.",
      );
    const { version, warnings, elsewhere } = answer.value;
    const notes = warnings.map((line) => note(`docker says: ${line}`));
    if (elsewhere === undefined) return [good(`version ${version}`), ...notes];
    return [
      good(`version ${version}, on ${elsewhere}`),
      ...notes,
      // What `ws` knows about this machine may not hold for the engine's machine.
      note(
        `containers run on ${elsewhere}: ports are published there and bind mounts name its folders, but CPUs, memory and GPU are checked on this machine`,
        `Set host.ip_address in config.yaml to ${elsewhere}'s own IPv4 address, and host.has_gpu.`,
      ),
    ];
  },

  Compose: ({ machine }) => {
    if (!machine.engine.ok) return [];
    const fix = "Install the plugin (docker-compose-plugin) or docker-compose 1.29.";
    if (!machine.compose.ok) return bad(machine.compose.error, fix);
    const { words, version } = machine.compose.value;
    const saw = `${words.join(" ")} ${version}`;
    return releaseOf(version, Infinity) >= releaseOf(MIN_COMPOSE, 0)
      ? good(saw)
      : bad(`${saw} is too old, at least ${MIN_COMPOSE} is needed`, fix);
  },

  Python: ({ machine: { python: found, engine: answer } }) => {
    if (found.ok) return good(`${found.value}, with venv`);
    const fix = "Install python3 and python3-venv, or name another one in WS_PYTHON.";
    return answer.ok
      ? note(`${found.error}; only the embedded runtime needs it`, fix)
      : bad(found.error, fix);
  },

  "Host address": ({ settings: { hostIpAddress }, machine: { host, addresses } }) => {
    const used = hostIpAddress ?? host.ipAddress;
    if (used === undefined)
      return bad("none was found", "Set host.ip_address in config.yaml to this machine's IPv4 address.");
    if (addresses.includes(used))
      return good(`${used}${hostIpAddress === undefined ? ", found by itself" : ", from config.yaml"}`);
    return note(
      `${used} is not one of this machine's addresses (${addresses.join(", ")})`,
      "That works only if another machine forwards it here; if none does, set host.ip_address.",
    );
  },

  "CPUs and memory": ({ settings, machine: { host } }) => {
    const nodes = [...settings.nodes, settings.test.worker];
    const warnings = nodes.flatMap((node) => limitWarnings(node, host));
    const has = `${host.cpus} CPUs, ${gib(host.memoryBytes)} of memory`;
    const lacks = warnings.map(({ where, problem }) => `${where}: ${problem}`);
    return lacks.length === 0 ? good(has) : note(`${has}; ${lacks.join("; ")}`);
  },

  /** Containers have one of their own; the embedded runtime's nodes share the machine's. */
  "/dev/shm": ({ settings, machine: { sharedMemoryBytes: bytes } }) => {
    const wanted = settings.nodes.reduce((sum, { objectStoreBytes }) => sum + objectStoreBytes, 0);
    if (bytes >= wanted) return good(gib(bytes));
    return note(
      `${gib(bytes)}, and the object stores need ${gib(wanted)}`,
      "The embedded runtime gives each node less; containers are not affected.",
    );
  },

  /** Whether the nodes that want GPUs get what config.yaml says, or what the machine has. */
  GPU: ({ settings, machine: { host, engine } }) => {
    const { hostHasGpu, nodes } = settings;
    const kind = gpuKindOf({ ...settings, hostHasGpu: true }, host);
    const names = nodes.filter(({ gpus }) => gpus !== undefined).map(({ name }) => name);
    const run = names.length === 1 ? "runs" : "run";
    const without = names.length === 0 ? "no node wants one" : `${names.join(" and ")} ${run} without one`;
    if (hostHasGpu === true && kind === undefined)
      return bad(
        `host.has_gpu is true, and no ${kindWord(settings.gpuType)} GPU was found: ${without}`,
        "Install the driver and the container toolkit, or set it to false.",
      );
    if (kind === undefined) return good(`none: ${without}`);
    const wanted = hostHasGpu !== false && names.length > 0;
    if (wanted && kind === "nvidia" && engine.ok && !engine.value.gpuToolkit)
      return bad(
        "an NVIDIA GPU, and the engine cannot give it to containers: there is no NVIDIA container toolkit",
        "Install nvidia-container-toolkit and run `nvidia-ctk runtime configure --runtime=docker`, or set host.has_gpu: false.",
      );
    return good(`an ${kindWord(kind)} GPU${wanted ? "" : ", which no container gets"}`);
  },

  Disk: ({ machine }) =>
    machine.disks.map(({ folder, freeBytes }) => {
      const saw = `${gib(freeBytes)} free for ${folder}`;
      return freeBytes >= MIN_FREE_BYTES
        ? good(saw)
        : bad(
            `${saw}, less than ${gib(MIN_FREE_BYTES)}`,
            "Make room: docker system df shows what the engine keeps.",
          );
    }),

  Subnets: ({ settings, machine: { routes }, docker }) => {
    if (docker === undefined) return [];
    const { networks } = docker;
    if (!networks.ok) return bad(`the engine cannot list its networks: ${networks.error}`, ASK_AGAIN);
    const wanted: Readonly<Record<string, string>> = {
      "network.subnet": settings.subnet,
      "cluster_test.test_network_subnet": settings.testSubnet,
    };
    const clashes = Object.entries(wanted).flatMap(([key, text]) => [
      ...networks.value
        .filter((network) => network.subnets.some((each) => overlapping(each, text)))
        .map((network) =>
          bad(
            `${key} ${text} overlaps ${network.subnets.join(", ")} of the engine's network ${network.name}`,
            freeNetwork(key, network),
          ),
        ),
      ...routes
        .filter(({ subnet }) => overlapping(subnet, text))
        .map(({ device, subnet }) =>
          bad(
            `${key} ${text} overlaps ${subnet}, which this machine reaches through ${device} (a LAN or a VPN)`,
            `Set another ${key}: containers would hide that network, or it them.`,
          ),
        ),
    ]);
    if (clashes.length > 0) return clashes;
    return good(`${settings.subnet} and ${settings.testSubnet} are free`);
  },

  Ports: ({ docker }) => {
    if (docker === undefined) return [];
    if (docker.ports.length === 0) return good("the cluster's ports are free, or its own");
    return docker.ports.map(({ where, problem, fix }) => bad(`${where}: ${problem}`, fix));
  },

  Images: ({ docker }) =>
    (docker?.missingImages ?? []).map((image) =>
      note(`${image} is not here yet`, `The first ws up pulls it; by hand: docker pull ${image}`),
    ),
};
