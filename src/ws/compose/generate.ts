import type { Problem } from "../../common/failure.ts";
import { ok, type Result } from "../../common/result.ts";
import { type Settings, TEST_WORKER_NAME } from "../settings.ts";
import type { ComposeFile } from "./compose-file.ts";
import type { HostFacts } from "./host-facts.ts";
import { type HostPlan, nodePlan, planHost } from "./host-plan.ts";
import { mainComposeFile } from "./main-file.ts";
import { COMPOSE_FILE, composeProject, type Part, TEST_COMPOSE_FILE } from "./names.ts";
import type { NodePorts, PlannedNode } from "./port-plan.ts";
import { testComposeFile } from "./test-file.ts";
import { composeYaml, type Note } from "./to-yaml.ts";

interface GeneratedFile {
  /** Relative to the folder of config.yaml. */
  readonly name: string;
  readonly text: string;
}

export interface Generated {
  readonly files: readonly GeneratedFile[];
  readonly plan: HostPlan;
  readonly warnings: readonly Problem[];
}

/** compose.yaml and cluster-test.compose.yaml for one machine. The same input gives the same bytes. Pure. */
export function generateComposeFiles(
  settings: Settings,
  facts: HostFacts,
): Result<Generated, readonly Problem[]> {
  const plan = planHost(settings, facts);
  if (!plan.ok) return plan;
  const host = plan.value;
  const main = mainComposeFile(settings, host);
  const test = testComposeFile(settings, host);
  const nodeNames = settings.nodes.map(({ name }) => name);
  return ok({
    plan: host,
    warnings: host.warnings,
    files: [
      { name: COMPOSE_FILE, text: toText(settings, host, "main", main, nodeNames) },
      { name: TEST_COMPOSE_FILE, text: toText(settings, host, "test", test, [TEST_WORKER_NAME]) },
    ],
  });
}

function toText(
  settings: Settings,
  host: HostPlan,
  part: Part,
  file: ComposeFile,
  nodes: readonly PlannedNode[],
): string {
  return composeYaml(file, header(settings, host, part), notes(settings, host, nodes));
}

function header(settings: Settings, host: HostPlan, part: Part): string {
  const file = part === "main" ? COMPOSE_FILE : TEST_COMPOSE_FILE;
  return `Made by \`ws generate\` from config.yaml, for a machine reached at ${host.ipAddress}${host.gpu ? " with a GPU" : ""}.
Edit config.yaml instead, and run \`./ws generate\`: ws overwrites no file that was changed by hand.
By hand: docker compose -p ${composeProject(settings, part)} -f ${file} up -d --build`;
}

function notes(settings: Settings, host: HostPlan, nodes: readonly PlannedNode[]): Note[] {
  return nodes.flatMap((name) => {
    const { ports, limits } = nodePlan(host, name);
    return [
      {
        path: ["services", name, "environment", "NODE_MANAGER_PORT"],
        text: `Fixed and published under the same numbers, since peers across NAT dial them.
Ray takes one worker port for each worker process and driver; ${whyThatMany(settings, name, ports)}.
With too few, tasks that wait for other tasks wait for ever.`,
      },
      {
        path: ["services", name, "shm_size"],
        text: `Holds the object store of ${Math.round(limits.objectStoreBytes / 2 ** 20)}m, and a tenth more.`,
      },
    ];
  });
}

function whyThatMany(settings: Settings, name: PlannedNode, ports: NodePorts): string {
  const node = settings.nodes.find((each) => each.name === name) ?? settings.test.worker;
  const count = ports.workers.max - ports.workers.min + 1;
  return node.peerPorts.workers === undefined
    ? `${count} are 8 for each of ${node.cpus} CPUs and 16 more`
    : `config.yaml sets these ${count}`;
}
