import { formatAddress } from "../../common/address.ts";
import { newestNamed } from "../cluster-view.ts";
import { nearest } from "../settings/known-keys.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../settings.ts";
import type { DockerFacts, DoctorFacts, ServiceFacts } from "./facts.ts";
import { bad, type Finding, good, note } from "./finding.ts";

/** The cases of the specification's troubleshooting section, and whether each node is there at all. Pure. */
export function clusterFindings({ settings, docker }: DoctorFacts): Finding[] {
  if (docker === undefined || docker.services.length === 0)
    return [note("Cluster", "no container of this project", "Start it: ./ws up")];
  const candidates = settings.candidates.map(({ name }) => name);
  return [
    ...docker.services.flatMap((service) => stopped(service)),
    ...docker.services.flatMap((service) => notListed(service, docker)),
    ...heads(docker),
    ...testWorkerAsHead(docker, candidates),
    ...noPython(docker),
    ...settings.nodes.flatMap(({ name }) => whitelist(name, docker, candidates)),
  ];
}

const of = ({ services }: DockerFacts, name: string): ServiceFacts | undefined =>
  services.find(({ service }) => service === name);

function stopped({ service, running, status, log }: ServiceFacts): Finding[] {
  if (running) return [];
  const last = log.trimEnd().split("\n").at(-1) ?? "";
  return [
    bad(
      service,
      `its container is ${status}; its last word: ${last}`,
      `Read ws logs ${service}, then ws up.`,
    ),
  ];
}

function notListed({ service, running }: ServiceFacts, { nodes, heads: [head] }: DockerFacts): Finding[] {
  if (!running || service === HEALTH_NAME || service === TEST_CLIENT_NAME || head === undefined) return [];
  const node = newestNamed(nodes, service);
  if (node?.alive) return [good(service, `${node.isHead ? "HEAD" : "WORKER"}, ALIVE`)];
  const what = node === undefined ? "the GCS does not list it" : "the GCS lists it as DEAD";
  return [
    bad(service, `its container runs, and ${what}`, `Read ws logs ${service}: it says what it waits for.`),
  ];
}

/** "ray-gpu becomes a HEAD of its own". */
function heads(docker: DockerFacts): Finding[] {
  const [first, ...others] = docker.heads;
  if (first === undefined)
    return [
      bad(
        "HEAD",
        "no GCS answers",
        "Read ws logs; the nodes say whether they wait for the health service or for each other.",
      ),
    ];
  if (others.length === 0)
    return [good("HEAD", `one, at ${formatAddress(first.address)}, Ray ${first.version}`)];
  const health = of(docker, HEALTH_NAME);
  const blind = docker.services
    .filter(({ log }) => lastHealthWord(log)?.startsWith("✗"))
    .map(({ service }) => service);
  const why =
    health?.running !== true
      ? "the health service does not run"
      : blind.length > 0
        ? `${blind.join(", ")} does not reach the health service`
        : "each was started without knowing of the other (depends_on, whitelists that differ)";
  const at = docker.heads.map(({ address }) => formatAddress(address)).join(" and ");
  return [
    bad(
      "HEAD",
      `${docker.heads.length} of them, at ${at}: ${why}`,
      "Run ws generate and ws up: compose.yaml then has depends_on and one whitelist; restart the node that should follow.",
    ),
  ];
}

const lastHealthWord = (log: string): string | undefined =>
  log
    .split("\n")
    .findLast((line) => /Health service is (?:up|down)/.test(line))
    ?.trim();

/** "test-ray-worker starts as HEAD". */
function testWorkerAsHead(docker: DockerFacts, candidates: readonly string[]): Finding[] {
  const worker = of(docker, TEST_WORKER_NAME);
  const isHead = newestNamed(docker.nodes, TEST_WORKER_NAME)?.isHead ?? false;
  if (worker === undefined || !(isHead || /^Mode: head$/m.test(worker.log))) return [];
  return [
    candidates.includes(TEST_WORKER_NAME)
      ? bad(
          TEST_WORKER_NAME,
          "it started as HEAD: it stands in nodes.head_whitelist",
          `Take ${TEST_WORKER_NAME} out of nodes.head_whitelist.`,
        )
      : bad(
          TEST_WORKER_NAME,
          "it started as HEAD: HEAD_ADDRESS names it, or it was not told one",
          "Set cluster_test.target to a node of the cluster, then ws test --up.",
        ),
  ];
}

/** "python3: command not found" in the test client. */
function noPython(docker: DockerFacts): Finding[] {
  return docker.services
    .filter(({ log }) => /python3?: (?:command )?not found|"python3?": executable file not found/.test(log))
    .map(({ service }) =>
      bad(
        service,
        "python3 is not found in its PATH",
        "Its image was not made by us: ws up --build; by hand use su - ray -c 'python3 …'.",
      ),
    );
}

/** "Node not in whitelist", though it is. */
function whitelist(name: string, docker: DockerFacts, candidates: readonly string[]): Finding[] {
  const service = of(docker, name);
  if (service === undefined || candidates.includes(service.hostname)) return [];
  const near = nearest(service.hostname, candidates);
  if (!candidates.includes(name) && near === undefined)
    return [note(name, `it is no candidate: ${service.hostname} is none of ${candidates.join(", ")}`)];
  return [
    bad(
      name,
      `its hostname ${service.hostname} is not in the whitelist ${candidates.join(", ")}${near === undefined ? "" : `; the nearest is ${near}`}`,
      "Make nodes.head_whitelist and the hostname the same, then ws up.",
    ),
  ];
}
