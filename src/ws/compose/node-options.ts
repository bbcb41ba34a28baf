import { rayWords } from "../config/node-environment.ts";
import type { NodeSettings } from "../config/settings.ts";
import { NO_TEXTS } from "../config/tokens.ts";
import type { HostPlan } from "./host-plan.ts";
import { labelsOf, literal } from "./names.ts";

/** What config.yaml gives one node of its own, as keys of its compose service; undefined is left out. Pure. */
export function nodeOptions(plan: HostPlan, node: NodeSettings) {
  const gpu = gpuOptions(plan, node);
  const requirements =
    node.pipRequirements === undefined ? [] : [`${pathOf(node.pipRequirements)}:/pip-requirements:ro`];
  return {
    words: rayWords(node),
    environment: {
      ...mapValues(node.environment, literal),
      ...gpu.environment,
      ...(node.envFiles.length > 0 ? NO_TEXTS : {}),
    },
    env_file: orNone(node.envFiles),
    volumes: [...node.volumes, ...requirements].map(literal),
    devices: orNone([...node.devices, ...gpu.devices].map(literal)),
    group_add: orNone(gpu.groups),
    ulimits: Object.keys(node.ulimits).length === 0 ? undefined : node.ulimits,
    deploy: gpu.reserved && { resources: { reservations: { devices: [gpu.reserved] } } },
  };
}

const mapValues = (values: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));

const orNone = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

/** Compose takes `name:/target` for a volume: a file or folder beside config.yaml begins with `./`. */
const pathOf = (path: string): string => (/^[./~]/.test(path) ? path : `./${path}`);

/** As the Container Device Interface names them: nvidia.com/gpu=0. */
const CDI_NAME = /^[^/=]+\/[^/=]+=/;

/** Whether an engine finds these GPUs by itself, without a toolkit. Pure. */
export const isCdi = (gpus: NodeSettings["gpus"]): gpus is string[] =>
  Array.isArray(gpus) && gpus.every((id) => CDI_NAME.test(id));

/** How a node gets GPUs of this machine. An engine refuses to start a node for which it has none. */
function gpuOptions({ gpuKind, amdGroups, hostHasGpu }: HostPlan, { gpus }: Pick<NodeSettings, "gpus">) {
  const none = { environment: {}, devices: [], groups: [], reserved: undefined };
  if (gpus === undefined || hostHasGpu === false) return none;
  const capabilities = ["gpu"];
  if (isCdi(gpus)) return { ...none, reserved: { driver: "cdi", device_ids: gpus, capabilities } };
  if (gpuKind === "nvidia") {
    const which = Array.isArray(gpus) ? { device_ids: gpus } : { count: gpus };
    return { ...none, reserved: { driver: "nvidia", ...which, capabilities } };
  }
  if (gpuKind === undefined) return none;
  // No runtime chooses among AMD's GPUs: all are there, and this says which ones ROCm, and so Ray, takes.
  const ids = typeof gpus === "number" ? Array.from({ length: gpus }, (_, i) => i) : gpus;
  return {
    ...none,
    environment: ids === "all" ? {} : { HIP_VISIBLE_DEVICES: ids.join(",") },
    devices: ["/dev/kfd", "/dev/dri"],
    groups: amdGroups,
  };
}

const NAMED = /^([a-zA-Z0-9][\w.-]+):/;

/** The volumes that nodes name, as compose's section for them: with our label, `ws down -v` removes them. */
export const namedVolumes = (plan: HostPlan) =>
  Object.fromEntries(
    plan.nodes
      .flatMap(({ volumes }) => volumes)
      .flatMap((volume) => NAMED.exec(volume)?.[1] ?? [])
      .map((name) => [name, { name: `${plan.projectName}-${name}`, labels: labelsOf(plan, "main") }]),
  );
