import { short } from "../../../common/output/units.ts";
import { newestNamed } from "../../cluster/snapshot.ts";
import { HEALTH_NAME, HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { askUntil } from "../asking.ts";
import { allOf, check, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { allNames, livingNode, mainNames } from "../facts.ts";
import type { Together, Tried } from "../probe.ts";

/** As many as a line has room for: those of two nodes and the test worker. */
const MAX_PAIRS = 6;

/** Judges what every ordered pair of `names` did together. */
export const judgePairs =
  (
    kind: Together,
    namesOf: (context: CheckContext, tried: readonly Tried[]) => readonly string[],
    show = ({ saw, ms }: Tried) => `${saw} (${Math.round(ms)} ms)`,
  ) =>
  (context: CheckContext): Promise<Verdict> =>
    given(context.probe(), (tried) => {
      const unconnected = tried.find((each) => each.kind === "connect" && !each.ok);
      if (unconnected !== undefined) return fails(`Ray Client does not connect: ${unconnected.saw}`);
      const ended = tried.find((each) => each.kind === "all" && !each.ok)?.saw;
      const names = namesOf(context, tried);
      const seen = names.flatMap((from) =>
        names
          .filter((to) => to !== from)
          .map((to) => {
            const pair = tried.find((each) => each.kind === kind && each.from === from && each.to === to);
            const judged =
              pair === undefined
                ? fails(`${from} → ${to}: was not tried, ${ended ?? "one of them is not ALIVE"}`)
                : verdict(pair.ok, `${from} → ${to}: ${show(pair)}`);
            return { ...judged, ms: pair?.ms ?? 0 };
          }),
      );
      const wrong = seen.filter(({ ok }) => !ok);
      const [slowest] = seen.toSorted((a, b) => b.ms - a.ms);
      return slowest !== undefined && wrong.length === 0 && seen.length > MAX_PAIRS
        ? verdict(true, `${seen.length} pairs, the slowest ${slowest.saw}`)
        : allOf(wrong.length === 0 ? seen : wrong, "one node only");
    });

/**
 * Whether packets go from one network to the other only through published ports. A refusal is an answer from the other
 * side and proves a way, so only ports on which something listens are tried: the HEAD's GCS, the other nodes'
 * raylets and the health service on one side, the test worker's raylet on the other.
 */
async function judgeIsolation(context: CheckContext): Promise<Verdict> {
  const { nodes, health, test } = context.settings;
  const names = allNames(context);
  const living = await Promise.all(names.map((name) => livingNode(context, name)));
  const missing = names.filter((_, i) => living[i] === undefined);
  if (missing.length > 0)
    return fails(`there is nothing to dial: the GCS lists no living ${missing.join(", ")}`);
  const raylet = (i: number) => living.at(i)?.port ?? 0;
  const main = mainNames(context);
  const inMain = nodes.map((node, i) => ({
    ...node,
    port: (living[i]?.isHead ? node.headPort : undefined) ?? raylet(i),
  }));
  const service = { name: HEALTH_NAME, address: health.address, port: HEALTH_PORT };
  const judged = [
    ...[...inMain, ...(health.enabled ? [service] : [])].map((target) =>
      judgeTarget(context, target, [...main.slice(0, 1), TEST_CLIENT_NAME]),
    ),
    judgeTarget(context, { ...test.worker, port: raylet(-1) }, [TEST_CLIENT_NAME, ...main]),
  ];
  return allOf(await Promise.all(judged));
}

/** No answer at all, or no way to the address: all else came from the other side. */
const NO_WAY: ReadonlySet<string> = new Set(["timeout", "ENETUNREACH", "EHOSTUNREACH"]);

/** The first of `sources` is in the target's network, which shows that something listens there; the others must not get there. */
async function judgeTarget(
  { exec }: CheckContext,
  { name, address, port }: { readonly name: string; readonly address: string; readonly port: number },
  sources: readonly string[],
): Promise<Verdict> {
  const dial = async (from: string) => {
    const said = await exec(from, dialCommand(address, port));
    return { from, said: said.ok ? said.value.trim() : said.error };
  };
  const [near, ...far] = await Promise.all(sources.map(dial));
  const listens = near?.said === "connected";
  const what = far.map(({ from, said }) => `${from}: ${said}`).join(", ");
  const control = listens ? "" : `, but nothing listens there: ${near?.from}: ${near?.said}`;
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

const ISOLATED = { needsIsolation: "here all nodes share one machine" };

/** A worker that the GCS cannot call back is ALIVE at first and marked dead after about 20 s (Ray 2.40 to 2.60). */
const STAYS_MS = 60_000;

/** What goes from node to node, and from network to network. */
export const NETWORK_CHECKS = [
  check("pairs/tasks", "Each node runs a task for each other node", judgePairs("task", allNames)),
  check("pairs/actors", "An actor on each node calls one on each other node", judgePairs("actor", allNames)),
  check(
    "pairs/objects",
    "Objects of 32 MB move from each node to each other node",
    judgePairs("object", allNames),
  ),
  check(
    "pairs/servers",
    "A task's TCP server on its node's address is reached by a task on each other main node",
    judgePairs("server", mainNames),
  ),
  { ...check("nat/apart", "The two networks cannot reach each other directly", judgeIsolation), ...ISOLATED },
  {
    ...ISOLATED,
    ...check("nat/stays", "The test worker is still ALIVE 60 s after it joined", async (context) => {
      const first = await livingNode(context, TEST_WORKER_NAME);
      if (first === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
      const age = first.startedAtMs === 0 ? 0 : Math.max(0, Date.now() - first.startedAtMs);
      const judge = () =>
        given(context.look(), ({ nodes }) => {
          const now = newestNamed(nodes, TEST_WORKER_NAME);
          if (now?.alive !== true) return fails("the GCS lists it as DEAD now");
          const [id, firstId] = [now.nodeId, first.nodeId].map(short);
          return verdict(now.nodeId === first.nodeId, `ALIVE as node ${id}, joined as ${firstId}`);
        });
      const patience = { forMs: STAYS_MS - age, everyMs: 2000, signal: context.signal };
      return askUntil(({ ok }) => !ok, judge, patience);
    }),
  },
];
