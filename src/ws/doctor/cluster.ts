import { stripVTControlCharacters } from "node:util";
import { formatAddress } from "../../common/address.ts";
import { UNKNOWN_MEMBER } from "../../common/protocol/node-status.ts";
import { causeOf } from "../cluster/diagnosis.ts";
import { newestNamed } from "../cluster/snapshot.ts";
import { HEALTH_NAME, type Settings, TEST_WORKER_NAME } from "../config/settings.ts";
import { nearest } from "../config/validate.ts";
import { servicesOf } from "../drivers/driver.ts";
import { TOKEN_WAY_OUT, wantsToken } from "../output/failure-texts.ts";
import { ASK_AGAIN, bad, type Finding, good, note, type Said } from "./finding.ts";
import type { ClusterFacts, DoctorFacts } from "./look.ts";
import { elsewhere, likely, listed, type ServiceFacts, versions } from "./node-words.ts";

/** A cluster of which at least a part exists. */
interface Present extends Omit<ClusterFacts, "services"> {
  readonly settings: Settings;
  readonly services: readonly ServiceFacts[];
  /** The names that may lead. */
  readonly candidates: readonly string[];
}

const about = (topic: string, said: Said): Finding => ({ topic, ...said });

/** The cases of the specification's troubleshooting section (docs/specification.md), and whether each node exists. Pure. */
export function clusterFindings({ settings, cluster }: DoctorFacts): Finding[] {
  const { services, runtime } = cluster;
  if (!services.ok)
    return [about("Cluster", bad(`the engine cannot list what runs: ${services.error}`, ASK_AGAIN))];
  if (services.value.length === 0)
    return [about("Cluster", note(`nothing of this project exists (${runtime})`, "Start it: ./ws up"))];
  const candidates = settings.candidates.map(({ name }) => name);
  const present = { ...cluster, settings, services: services.value, candidates };
  return RULES.flatMap((rule) => rule(present));
}

const ABSENT = { container: "it has no container", process: "its process does not run" } as const;

/** What each rule finds is shown in this order. */
const RULES: readonly ((present: Present) => Finding[])[] = [
  /** Services of config.yaml that do not run: removed by hand, or ended. */
  ({ settings, services, noun }) =>
    servicesOf(settings, "main")
      .filter((wanted) => services.every(({ name }) => name !== wanted))
      .map((name) => about(name, bad(ABSENT[noun], "Start what is missing: ./ws up"))),

  ({ services }) =>
    services
      .filter(({ running }) => !running)
      .map(({ name, status, log, nodeStatus }) => {
        const lines = log.trimEnd().split("\n");
        const saw = `its container is ${status}; its last line: ${stripVTControlCharacters(lines.at(-1) ?? "")}`;
        return about(
          name,
          bad(saw, `Read ws logs ${name}, then ws up.${likely(causeOf(nodeStatus, lines))}`),
        );
      }),

  ({ services, nodes, heads }) =>
    (heads.length === 0 ? [] : services)
      .filter(({ running, isNode }) => running && isNode)
      .map((service) => about(service.name, listed(service, newestNamed(nodes, service.name)))),

  /** Nodes that joined by `docker run` or by hand. */
  ({ settings, nodes, services, reported }) => {
    const known = [...settings.nodes, ...services].map(({ name }) => name);
    return nodes
      .filter(({ name, alive }) => alive && !known.includes(name))
      .map(({ name, address, isHead }) => {
        const itself = versions(reported.get(name)?.status);
        return about(
          name,
          good(`${isHead ? "HEAD" : "WORKER"}, ALIVE at ${address}${itself}; it was not started by this ws`),
        );
      });
  },

  /** Nodes elsewhere that report, and that Ray does not list as ALIVE. */
  ({ settings, nodes, services, reported }) => {
    const known = [...settings.nodes, ...services].map(({ name }) => name);
    return [...reported.values()]
      .filter(({ name }) => !known.includes(name) && !newestNamed(nodes, name)?.alive)
      .map((node) => about(node.name, elsewhere(node)));
  },

  (present) => [about("HEAD", oneHead(present))],

  /** Of a cluster of several machines. */
  ({ services }) =>
    services
      .filter(({ nodeStatus }) => nodeStatus?.waits?.kind === UNKNOWN_MEMBER)
      .map(({ name }) =>
        about(
          name,
          bad(
            "the cluster's health service does not know this machine any more: it lost what it kept, or took over before it had heard of this join",
            "Join again: ./ws leave, then ./ws join TOKEN.",
          ),
        ),
      ),

  /** "test-ray-worker starts as HEAD". */
  ({ services, nodes, candidates }) => {
    const worker = services.find(({ name }) => name === TEST_WORKER_NAME);
    const isHead = newestNamed(nodes, TEST_WORKER_NAME)?.isHead ?? false;
    if (worker === undefined || !(isHead || worker.nodeStatus?.decision?.role === "head")) return [];
    const said = candidates.includes(TEST_WORKER_NAME)
      ? bad(
          "it started as HEAD: it is in nodes.head_whitelist",
          `Take ${TEST_WORKER_NAME} out of nodes.head_whitelist.`,
        )
      : bad(
          "it started as HEAD: HEAD_ADDRESS names it or is not set",
          "Set cluster_test.target to a node of the cluster, then ws test --up.",
        );
    return [about(TEST_WORKER_NAME, said)];
  },

  /** "python3: command not found" in the test client. */
  ({ services }) =>
    services
      .filter(({ log }) => /python3?: (?:command )?not found|"python3?": executable file not found/.test(log))
      .map(({ name }) => {
        const fix = "ws did not build its image: run ws up --build; by hand use su - ray -c 'python3 …'.";
        return about(name, bad("python3 is not found in its PATH", fix));
      }),

  /** "Node not in whitelist", though it is. */
  ({ settings, services, candidates }) => {
    const nodes = settings.nodes.map(({ name }) => name);
    const workers = settings.nodes.filter(({ isCandidate }) => !isCandidate).map(({ name }) => name);
    return services
      .filter(({ name, hostname }) => nodes.includes(name) && !candidates.includes(hostname))
      .flatMap(({ name, hostname }) => {
        const isListed = candidates.includes(name);
        // An entry that is the name of another node was not meant for this one: ray-cpu and ray-big are near.
        const near = nearest(
          hostname,
          isListed ? [name] : candidates.filter((each) => !nodes.includes(each)),
        );
        const all = candidates.join(", ");
        if (!isListed && near === undefined)
          return workers.includes(name)
            ? []
            : about(name, note(`it is not a candidate: ${hostname} is none of ${all}`));
        const hint = near === undefined ? "" : `; the nearest is ${near}`;
        const fix = "Make nodes.head_whitelist and the hostname the same, then ws up.";
        return about(name, bad(`its hostname ${hostname} is not in the whitelist ${all}${hint}`, fix));
      });
  },
];

const READ_LOGS = "Read ws logs; it says whether the nodes wait for the health service or for each other.";

/** "ray-gpu becomes a HEAD of its own". */
function oneHead({ heads, noHead, services }: Present): Said {
  const [first, ...more] = heads;
  if (first === undefined) {
    if (noHead?.reason === "wants-token") return bad(wantsToken(noHead.at), TOKEN_WAY_OUT);
    const silent = noHead?.reason === "silent" ? noHead.at : undefined;
    const saw = silent && `the GCS at ${silent} does not answer: it is busy or out of reach`;
    return bad(saw ?? "no GCS answers", READ_LOGS);
  }
  if (more.length === 0) return good(`one, at ${formatAddress(first.address)}, Ray ${first.version}`);
  const blind = services.filter(({ nodeStatus }) => nodeStatus?.health?.kind === "down");
  const why = !services.some(({ name, running }) => name === HEALTH_NAME && running)
    ? "the health service does not run"
    : blind.length > 0
      ? `${blind.map(({ name }) => name).join(", ")} does not reach the health service`
      : "each was started without knowing of the other (depends_on, whitelists that differ)";
  return bad(
    `${heads.length} of them, at ${heads.map(({ address }) => formatAddress(address)).join(" and ")}: ${why}`,
    "Run ws generate and ws up: compose.yaml then has depends_on and one whitelist. Then restart the node that should be a WORKER.",
  );
}
