import { stripVTControlCharacters } from "node:util";
import { formatAddress } from "../../common/address.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import { unreachable } from "../../common/result.ts";
import { causeOf } from "../cluster/cause-of.ts";
import { newestNamed } from "../cluster-view.ts";
import { nearest } from "../config/known-keys.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../config/settings.ts";
import { servicesOf } from "../drivers/driver.ts";
import { TOKEN_WAY_OUT, wantsToken } from "../output/render-failure.ts";
import { ASK_AGAIN, bad, type Finding, good, note } from "./finding.ts";
import type { ClusterFacts, DoctorFacts } from "./look.ts";

type ServiceFacts = Extract<ClusterFacts["services"], { ok: true }>["value"][number];

/** A cluster of which at least a part exists. */
interface Present extends Omit<ClusterFacts, "services"> {
  readonly settings: Settings;
  readonly services: readonly ServiceFacts[];
  /** The names that may lead. */
  readonly candidates: readonly string[];
}

/** The cases of the specification's troubleshooting section (docs/specification.md), and whether each node is there at all. Pure. */
export function clusterFindings({ settings, cluster }: DoctorFacts): Finding[] {
  const { services } = cluster;
  if (!services.ok) return [bad("Cluster", `the engine cannot list what runs: ${services.error}`, ASK_AGAIN)];
  if (services.value.length === 0)
    return [note("Cluster", `nothing of this project exists (${cluster.runtime})`, "Start it: ./ws up")];
  const candidates = settings.candidates.map(({ name }) => name);
  const present = { ...cluster, settings, services: services.value, candidates };
  return RULES.flatMap((rule) => rule(present));
}

const of = ({ services }: Present, name: string): ServiceFacts | undefined =>
  services.find((service) => service.name === name);

/** Services of config.yaml that do not run: removed by hand, or ended. */
const missing = (present: Present): Finding[] =>
  servicesOf(present.settings, "main")
    .filter((name) => of(present, name) === undefined)
    .map((name) => bad(name, ABSENT[present.noun], "Start what is missing: ./ws up"));

const ABSENT = { container: "it has no container", process: "its process does not run" } as const;

const stopped = ({ services }: Present): Finding[] =>
  services
    .filter(({ running }) => !running)
    .map(({ name, status, log, nodeStatus }) => {
      const lines = log.trimEnd().split("\n");
      return bad(
        name,
        `its container is ${status}; its last line: ${stripVTControlCharacters(lines.at(-1) ?? "")}`,
        `Read ws logs ${name}, then ws up.${likely(causeOf(nodeStatus, lines))}`,
      );
    });

const likely = (cause: string | undefined): string => (cause === undefined ? "" : ` Likely cause: ${cause}`);

function listed({ services, nodes, heads }: Present): Finding[] {
  if (heads.length === 0) return [];
  return services
    .filter(({ name, running }) => running && name !== HEALTH_NAME && name !== TEST_CLIENT_NAME)
    .map(({ name, log, nodeStatus }) => {
      const node = newestNamed(nodes, name);
      if (node?.alive) return good(name, `${node.isHead ? "HEAD" : "WORKER"}, ALIVE${itself(nodeStatus)}`);
      const what = node === undefined ? "the GCS does not list it" : "the GCS lists it as DEAD";
      const since = nodeStatus?.waits ? `; it has waited since ${clock(nodeStatus.waits.since)}` : "";
      const cause = likely(causeOf(nodeStatus, log.split("\n")));
      const fix = `Read ws logs ${name}: it says what it is waiting for.${cause}`;
      return bad(name, `it runs, and ${what}${since}`, fix);
    });
}

/** What a node says of itself: its versions, how often it restarted its Ray and why last. */
function itself(status: NodeStatus | undefined): string {
  if (status === undefined) return "";
  const { ray, version, restarts, fault } = status;
  const last = fault === null ? "" : `, the last for ${fault.reason} at ${clock(fault.at)}`;
  const past = restarts === 0 ? "" : `, restarts of Ray: ${restarts}${last}`;
  return ` (Ray ${ray ?? "unknown"}, ray-entrypoint ${version}${past})`;
}

const clock = (ms: number): string => new Date(ms).toISOString().slice(0, 19).concat("Z");

/** Nodes that joined by `docker run` or by hand. */
function others({ settings, nodes, services, reported }: Present): Finding[] {
  const known = [...settings.nodes, ...services].map(({ name }) => name);
  return nodes
    .filter(({ name, alive }) => alive && !known.includes(name))
    .map(({ name, address }) =>
      good(name, `WORKER, ALIVE at ${address}${itself(reported.get(name))}; it was not started by this ws`),
    );
}

/** "ray-gpu becomes a HEAD of its own". */
function oneHead(present: Present): Finding {
  const { heads, services, noHead } = present;
  const [first, ...more] = heads;
  if (first === undefined) return noGcs(noHead);
  if (more.length === 0) return good("HEAD", `one, at ${formatAddress(first.address)}, Ray ${first.version}`);
  const blind = services
    .filter(({ nodeStatus }) => nodeStatus?.health?.kind === "down")
    .map(({ name }) => name);
  const why =
    of(present, HEALTH_NAME)?.running !== true
      ? "the health service does not run"
      : blind.length > 0
        ? `${blind.join(", ")} does not reach the health service`
        : "each was started without knowing of the other (depends_on, whitelists that differ)";
  return bad(
    "HEAD",
    `${heads.length} of them, at ${heads.map(({ address }) => formatAddress(address)).join(" and ")}: ${why}`,
    "Run ws generate and ws up: compose.yaml then has depends_on and one whitelist; restart the node that should follow.",
  );
}

function noGcs(why: ClusterFacts["noHead"]): Finding {
  switch (why.reason) {
    case "wants-token":
      return bad("HEAD", wantsToken(why.at), TOKEN_WAY_OUT);
    case "silent":
      return bad("HEAD", `the GCS at ${why.at} does not answer: it is busy or out of reach`, READ_LOGS);
    case "nobody":
      return bad("HEAD", "no GCS answers", READ_LOGS);
    default:
      return unreachable(why);
  }
}

const READ_LOGS = "Read ws logs; the nodes say whether they wait for the health service or for each other.";

/** "test-ray-worker starts as HEAD". */
function testWorker(present: Present): Finding[] {
  const isHead = newestNamed(present.nodes, TEST_WORKER_NAME)?.isHead ?? false;
  const worker = of(present, TEST_WORKER_NAME);
  if (worker === undefined || !(isHead || worker.nodeStatus?.decision?.role === "head")) return [];
  const [why, fix] = present.candidates.includes(TEST_WORKER_NAME)
    ? ["it stands in nodes.head_whitelist", `Take ${TEST_WORKER_NAME} out of nodes.head_whitelist.`]
    : [
        "HEAD_ADDRESS names it, or it was not told one",
        "Set cluster_test.target to a node of the cluster, then ws test --up.",
      ];
  return [bad(TEST_WORKER_NAME, `it started as HEAD: ${why}`, fix)];
}

/** "python3: command not found" in the test client. */
const noPython = ({ services }: Present): Finding[] =>
  services
    .filter(({ log }) => /python3?: (?:command )?not found|"python3?": executable file not found/.test(log))
    .map(({ name }) =>
      bad(
        name,
        "python3 is not found in its PATH",
        "Its image was not made by us: ws up --build; by hand use su - ray -c 'python3 …'.",
      ),
    );

/** "Node not in whitelist", though it is. */
const whitelist = ({ settings, services, candidates }: Present): Finding[] =>
  services
    .filter(
      ({ name, hostname }) =>
        settings.nodes.some((each) => each.name === name) && !candidates.includes(hostname),
    )
    .map(({ name, hostname }) => {
      const near = nearest(hostname, candidates);
      const all = candidates.join(", ");
      if (!candidates.includes(name) && near === undefined)
        return note(name, `it is no candidate: ${hostname} is none of ${all}`);
      const hint = near === undefined ? "" : `; the nearest is ${near}`;
      return bad(
        name,
        `its hostname ${hostname} is not in the whitelist ${all}${hint}`,
        "Make nodes.head_whitelist and the hostname the same, then ws up.",
      );
    });

/** What is shown, in this order. */
const RULES: readonly ((present: Present) => Finding | Finding[])[] = [
  ...[missing, stopped, listed, others],
  ...[oneHead, testWorker, noPython, whitelist],
];
