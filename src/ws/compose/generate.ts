import { Document, isScalar, visit, type YAMLMap } from "yaml";
import { buildWords } from "./base-build.ts";
import { type ComposeFile, mainComposeFile, testComposeFile } from "./files.ts";
import type { HostPlan, Planned } from "./host-plan.ts";
import { machineComposeFile } from "./machine.ts";
import { COMPOSE_FILE, composeProject, type Part, TEST_COMPOSE_FILE } from "./names.ts";

/** compose.yaml and cluster-test.compose.yaml, or the one file of a member. The same plan gives the same bytes. Pure. */
export function generateComposeFiles(plan: HostPlan) {
  const file = (name: string, part: Part, content: ComposeFile, nodes: readonly Planned[]) => ({
    name,
    text: composeYaml(content, header(plan, name, part), nodes),
  });
  if (plan.machine) return [file(COMPOSE_FILE, "main", machineComposeFile(plan, plan.machine), [])];
  return [
    file(COMPOSE_FILE, "main", mainComposeFile(plan), plan.nodes),
    file(TEST_COMPOSE_FILE, "test", testComposeFile(plan), [plan.test.worker]),
  ];
}

const header = (plan: HostPlan, file: string, part: Part): string =>
  plan.machine
    ? `Made by \`ws up\` from config.yaml, for this machine's part in a cluster of several.`
    : `Made by \`ws generate\` from config.yaml, for a machine reached at ${plan.hostIpAddress}${plan.gpuKind ? " with a GPU" : ""}.
Edit config.yaml instead, and run \`./ws generate\`: ws overwrites no file that was changed by hand.
By hand: docker compose -p ${composeProject(plan, part)} -f ${file} up -d --build${byHandBefore(plan)}`;

/** What `ws up` does before. */
const byHandBefore = ({ nodes }: HostPlan): string =>
  [...new Set(nodes.map(({ base }) => buildWords(base).join(" ")))]
    .filter(Boolean)
    .map((words) => `\nBefore that: docker ${words}`)
    .join("");

/** The object as YAML that 1.1 parsers (docker-compose 1.29) and 1.2 parsers (docker compose) read alike. */
function composeYaml(file: ComposeFile, header: string, nodes: readonly Planned[]): string {
  const document = new Document(file, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  document.commentBefore = comment(header);
  for (const node of nodes) {
    const notes = notesOn(node);
    visit(document.getIn(["services", node.name]) as YAMLMap, {
      Pair: (_, { key }) => {
        if (isScalar(key)) key.commentBefore = notes.get(String(key.value)) ?? null;
      },
    });
  }
  return document.toString({ lineWidth: 0 });
}

/** Comments above keys. */
function notesOn({ cpus, limits, peerPorts, ports: { workers } }: Planned): ReadonlyMap<string, string> {
  const count = workers.max - workers.min + 1;
  const why = peerPorts.workers
    ? `config.yaml sets these ${count}`
    : `${count} are 8 for each of ${cpus} CPUs and 16 more`;
  const ports = `Fixed and published under the same numbers, since peers across NAT dial them.
Ray takes one worker port for each worker process and driver; ${why}.
With too few, tasks that wait for other tasks wait for ever.`;
  const store = Math.round(limits.objectStoreBytes / 2 ** 20);
  return new Map([
    ["NODE_MANAGER_PORT", comment(ports)],
    ["shm_size", comment(`Holds the object store of ${store}m, and a tenth more.`)],
  ]);
}

const comment = (text: string): string => text.replaceAll(/^/gm, " ");
