import { Document, isMap, isScalar, type Scalar } from "yaml";
import type { Problem } from "../../common/failure.ts";
import { ok, type Result } from "../../common/result.ts";
import type { Settings, WorkerSettings } from "../config/settings.ts";
import type { ComposeFile } from "./compose-file.ts";
import { type HostFacts, type HostPlan, type Planned, planHost } from "./host-plan.ts";
import { mainComposeFile } from "./main-file.ts";
import { COMPOSE_FILE, composeProject, type Part, TEST_COMPOSE_FILE } from "./names.ts";
import { testComposeFile } from "./test-file.ts";

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
  const file = (
    name: string,
    part: Part,
    content: ComposeFile,
    nodes: readonly Planned<WorkerSettings>[],
  ) => ({
    name,
    text: composeYaml(content, header(settings, host, name, part), nodes.flatMap(notes)),
  });
  return ok({
    plan: host,
    warnings: host.warnings,
    files: [
      file(COMPOSE_FILE, "main", mainComposeFile(settings, host), host.nodes),
      file(TEST_COMPOSE_FILE, "test", testComposeFile(settings, host), [host.testWorker]),
    ],
  });
}

function header(settings: Settings, host: HostPlan, file: string, part: Part): string {
  return `Made by \`ws generate\` from config.yaml, for a machine reached at ${host.ipAddress}${host.gpu ? " with a GPU" : ""}.
Edit config.yaml instead, and run \`./ws generate\`: ws overwrites no file that was changed by hand.
By hand: docker compose -p ${composeProject(settings, part)} -f ${file} up -d --build`;
}

const notes = (node: Planned<WorkerSettings>): Note[] => [
  {
    path: ["services", node.name, "environment", "NODE_MANAGER_PORT"],
    text: `Fixed and published under the same numbers, since peers across NAT dial them.
Ray takes one worker port for each worker process and driver; ${whyThatMany(node)}.
With too few, tasks that wait for other tasks wait for ever.`,
  },
  {
    path: ["services", node.name, "shm_size"],
    text: `Holds the object store of ${Math.round(node.limits.objectStoreBytes / 2 ** 20)}m, and a tenth more.`,
  },
];

function whyThatMany({ cpus, peerPorts, ports: { workers } }: Planned<WorkerSettings>): string {
  const count = workers.max - workers.min + 1;
  return peerPorts.workers === undefined
    ? `${count} are 8 for each of ${cpus} CPUs and 16 more`
    : `config.yaml sets these ${count}`;
}

/** A comment above the key at `path`. */
interface Note {
  readonly path: readonly string[];
  readonly text: string;
}

/** The object as YAML that 1.1 parsers (docker-compose 1.29) and 1.2 parsers (docker compose) read alike. */
function composeYaml(file: ComposeFile, header: string, notes: readonly Note[]): string {
  const document = new Document(file, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  document.commentBefore = comment(header);
  for (const { path, text } of notes) keyAt(document, path).commentBefore = comment(text);
  return document.toString({ lineWidth: 0 });
}

function keyAt(document: Document, path: readonly string[]): Scalar {
  const parent = document.getIn(path.slice(0, -1));
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    : undefined;
  if (!isScalar(pair?.key)) throw new Error(`nothing to comment at ${path.join(".")}`);
  return pair.key;
}

const comment = (text: string): string => text.replaceAll(/^/gm, " ");
