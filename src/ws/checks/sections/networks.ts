import type { NodeInfo } from "../../../gcs/client.ts";
import { newestNamed } from "../../cluster-view.ts";
import { HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { askUntil } from "../asking.ts";
import { allOf, type Check, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { allNames, livingNode, mainNames } from "../facts.ts";
import { endedBy, type Together } from "../probe.ts";

/** Judges what every ordered pair of `names` did together. */
const judgePairs =
  (kind: Together, namesOf: (context: CheckContext) => readonly string[]) =>
  async (context: CheckContext): Promise<Verdict> => {
    const client = await context.client();
    const error = client.ok ? endedBy(client.value) : undefined;
    if (error !== undefined) return fails(`Ray Client does not connect: ${error}`);
    return given(context.pairs(), (tried) => {
      const names = namesOf(context);
      const seen = names.flatMap((from) =>
        names
          .filter((to) => to !== from)
          .map((to) => {
            const pair = tried.find((each) => each.kind === kind && each.from === from && each.to === to);
            return pair === undefined
              ? fails(`${from} → ${to}: was not tried, ${endedBy(tried) ?? "one of them is not ALIVE"}`)
              : verdict(pair.ok, `${from} → ${to}: ${pair.saw} (${Math.round(pair.ms)} ms)`);
          }),
      );
      const wrong = seen.filter(({ ok }) => !ok);
      return allOf(wrong.length === 0 ? seen : wrong, "one node only");
    });
  };

/** Something that listens on its own address in one network. */
interface Target {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** A node of the same network, which shows that something listens there. */
  readonly neighbour: string;
  /** Nodes of the other network, which must not get there. */
  readonly strangers: readonly string[];
}

/**
 * Whether no packet goes from one network to the other but through published ports. A refusal is an answer from the other
 * side, and says that there is a way; so only ports on which something listens are worth a try.
 */
async function judgeIsolation(context: CheckContext): Promise<Verdict> {
  const targets = await findTargets(context);
  if (typeof targets === "string") return fails(targets);
  return allOf(await Promise.all(targets.map((target) => judgeTarget(context, target))));
}

/** The HEAD's GCS, the other nodes' raylets and the health service on one side, the test worker's raylet on the other. */
async function findTargets(context: CheckContext): Promise<Target[] | string> {
  const { nodes, health, test } = context.settings;
  const names = mainNames(context);
  const all = allNames(context);
  const living = await Promise.all(all.map((name) => livingNode(context, name)));
  const missing = all.filter((_, i) => living[i] === undefined);
  if (missing.length > 0)
    return `nothing listens that could be dialled: the GCS lists no living ${missing.join(", ")}`;
  const inMain = { neighbour: names[0] ?? "", strangers: [TEST_CLIENT_NAME] };
  const portOf = (node: NodeInfo | undefined, headPort = 0) => (node?.isHead ? headPort : (node?.port ?? 0));
  return [
    ...nodes.map(({ name, address, headPort }, i) => ({
      ...{ name, address, port: portOf(living[i], headPort) },
      ...inMain,
    })),
    ...(health.enabled ? [{ name: "health", address: health.address, port: HEALTH_PORT, ...inMain }] : []),
    {
      ...{ name: TEST_WORKER_NAME, address: test.worker.address, port: living.at(-1)?.port ?? 0 },
      ...{ neighbour: TEST_CLIENT_NAME, strangers: names },
    },
  ];
}

/** No answer at all, or no way to the address: all else came from the other side. */
const NO_WAY: ReadonlySet<string> = new Set(["timeout", "ENETUNREACH", "EHOSTUNREACH"]);

async function judgeTarget(context: CheckContext, target: Target): Promise<Verdict> {
  const { name, address, port, neighbour, strangers } = target;
  const dial = async (from: string) => {
    const said = await context.exec(from, dialCommand(address, port));
    return { from, said: said.ok ? said.value.trim() : said.error };
  };
  const [near, ...far] = await Promise.all([neighbour, ...strangers].map(dial));
  const listens = near?.said === "connected";
  const what = far.map(({ from, said }) => `${from}: ${said}`).join(", ");
  const control = listens ? "" : `, but nothing listens there: ${neighbour}: ${near?.said}`;
  return verdict(
    listens && far.every(({ said }) => NO_WAY.has(said)),
    `to ${name} at ${address}:${port} from ${what}${control}`,
  );
}

/** Prints one word. Python is in every Ray image; most other tools are not. */
export const dialCommand = (host: string, port: number): string[] => [
  "python3",
  "-c",
  `import errno, socket
try:
    socket.create_connection(("${host}", ${port}), timeout=3).close()
    print("connected")
except socket.timeout:
    print("timeout")
except OSError as error:
    print(errno.errorcode.get(error.errno, str(error)))`,
];

/** A worker that the GCS cannot call back is ALIVE at first and marked dead after about 20 s (Ray 2.40 to 2.60). */
const STAYS_MS = 60_000;

async function judgeStays(context: CheckContext): Promise<Verdict> {
  const first = await livingNode(context, TEST_WORKER_NAME);
  if (first === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
  const age = first.startedAtMs === 0 ? 0 : Math.max(0, Date.now() - first.startedAtMs);
  const judge = () =>
    given(context.look(), ({ nodes }) => {
      const now = newestNamed(nodes, TEST_WORKER_NAME);
      if (now?.alive !== true) return fails("the GCS lists it as DEAD now");
      return verdict(
        now.nodeId === first.nodeId,
        `ALIVE as node ${now.nodeId.slice(0, 8)}, joined as ${first.nodeId.slice(0, 8)}`,
      );
    });
  return askUntil(({ ok }) => !ok, judge, { forMs: STAYS_MS - age, everyMs: 2000, signal: context.signal });
}

const ONE_MACHINE = "here all nodes share one machine";

export const NETWORK_CHECKS: readonly Check[] = [
  ["pairs/tasks", "Each node runs a task for each other node", judgePairs("task", allNames)],
  ["pairs/actors", "An actor on each node calls one on each other node", judgePairs("actor", allNames)],
  [
    "pairs/objects",
    "Objects of 32 MB move from each node to each other node",
    judgePairs("object", allNames),
  ],
  [
    "pairs/servers",
    "A task's TCP server on its node's address is reached by a task on the other main node",
    judgePairs("server", mainNames),
  ],
  ["nat/apart", "The two networks cannot reach each other directly", judgeIsolation, ONE_MACHINE],
  ["nat/stays", "The test worker is still ALIVE 60 s after it joined", judgeStays, ONE_MACHINE],
];
