import { CLIENT_CONNECTED, headAddressWords } from "../../../common/protocol/specification.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, type Check, cannotJudge, fails, given, type Verdict, verdict } from "../check.ts";
import { clientWord } from "../client-program.ts";
import type { CheckContext } from "../context.ts";
import {
  gib,
  judgeActive,
  judgeMode,
  livingMainNodes,
  livingNode,
  logLines,
  total,
  wantedCpus,
} from "../facts.ts";
import { endedBy, type Tried } from "../probe.ts";

const onClient =
  (judge: (tried: readonly Tried[], context: CheckContext) => Verdict | Promise<Verdict>) =>
  (context: CheckContext): Promise<Verdict> =>
    given(context.client(), (tried) => judge(tried, context));

/** A connection is no ping: where the image lacks the program, nobody can say that it holds. */
function judgePing(tried: readonly Tried[]): Verdict {
  const ping = tried.find(({ kind }) => kind === "ping" || kind === "tcp");
  if (ping === undefined) return fails("was not tried");
  if (ping.kind === "ping") return ping;
  return (ping.ok ? cannotJudge : fails)(`the image has no ping program; ${ping.saw}`);
}

function judgePorts(tried: readonly Tried[]): Verdict {
  const ports = tried.filter(({ kind }) => kind === "port");
  return allOf(
    ports.map(({ to, ok, saw, ms }) =>
      verdict(ok, `PORT ${to}: ${ok ? `open in ${ms.toFixed(1)} ms` : saw}`),
    ),
  );
}

async function judgeInit(tried: readonly Tried[], context: CheckContext): Promise<Verdict> {
  const line = clientWord(await logLines(context, TEST_CLIENT_NAME));
  const connected = tried.some(({ kind, ok }) => kind === "connect" && ok);
  const own = connected ? "a second program connected as well" : `a second program: ${endedBy(tried)}`;
  return verdict(
    connected && line?.startsWith(CLIENT_CONNECTED) === true,
    `${line ?? "no word in its log"}; ${own}`,
  );
}

async function judgeResources(tried: readonly Tried[], context: CheckContext): Promise<Verdict> {
  const { nodes, test } = context.settings;
  const worker =
    (await livingNode(context, TEST_WORKER_NAME)) === undefined ? 0 : Math.floor(test.worker.cpus);
  const wanted = wantedCpus(nodes) + worker;
  const listed = tried.find(({ kind, ok }) => kind === "resources" && ok)?.saw ?? "{}";
  const resources: Readonly<Record<string, number>> = JSON.parse(listed);
  const names = Object.keys(resources).filter((name) => !name.startsWith("node:"));
  const { CPU = 0 } = resources;
  return verdict(
    CPU === wanted,
    `CPU ${CPU}, expected ${wanted}; listed: ${names.toSorted().join(", ") || "nothing"}`,
  );
}

/** The client lists the resources below its word, before or after the test worker joined. */
async function judgeListed(context: CheckContext): Promise<Verdict> {
  const lines = await logLines(context, TEST_CLIENT_NAME);
  const at = lines.findLastIndex((line) => line.startsWith(CLIENT_CONNECTED));
  if (at < 0) return fails(`${TEST_CLIENT_NAME}: no line "${CLIENT_CONNECTED}"`);
  const listed = lines.slice(at + 1).map((line) => /^ {2}(\S+): (\S+)$/.exec(line));
  const amount = (name: string) => Number(listed.find((line) => line?.[1] === name)?.[2] ?? 0);
  const { nodes, test } = context.settings;
  const least = wantedCpus(nodes);
  const most = least + wantedCpus([test.worker]);
  const [cpus, memory] = [amount("CPU"), amount("memory")];
  return verdict(
    cpus >= least && cpus <= most && memory > 0,
    `${lines[at]}; CPU: ${cpus}, expected ${least} to ${most}; memory: ${gib(memory)}`,
  );
}

async function judgeOutside(context: CheckContext): Promise<Verdict> {
  const status = await context.status(TEST_WORKER_NAME);
  if (status === undefined) return fails("it says nothing of itself");
  const { node, place, whitelist } = status;
  const where = place === null ? "none" : `number ${place}`;
  return verdict(place === null, `${node} is ${where} of ${whitelist.join(", ")}`);
}

/** Whether the test worker says that it goes where its HEAD_ADDRESS points. */
async function judgeHeadAddress(context: CheckContext): Promise<Verdict> {
  const words = (address = "") => headAddressWords("HEAD_ADDRESS", address);
  const wanted = words(context.told(TEST_WORKER_NAME).HEAD_ADDRESS);
  const said = (await logLines(context, TEST_WORKER_NAME)).findLast((line) => line.includes(words()));
  if (said?.split(" ").includes(wanted)) return verdict(true, said);
  return fails(`${said ?? `${TEST_WORKER_NAME} has no line "${words()}"`}; expected ${wanted}`);
}

async function judgeJoined(context: CheckContext): Promise<Verdict> {
  const node = await livingNode(context, TEST_WORKER_NAME);
  if (node === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
  const client = await context.client();
  const task = client.ok
    ? client.value.find(({ kind, to }) => kind === "task" && to === node.name)
    : undefined;
  const main = total(await livingMainNodes(context), "CPU");
  const own = total([node], "CPU");
  const ran = task?.ok ? `a task ran at ${task.saw}` : `no task ran: ${task?.saw ?? "none came back"}`;
  return verdict(
    task?.ok === true && own > 0,
    `ALIVE at ${node.address}; CPU ${main} → ${main + own}; ${ran}`,
  );
}

function judgeCount(context: CheckContext): Promise<Verdict> {
  const wanted = context.settings.nodes.length + 1;
  return judgeActive(context, (active) => active === wanted, `${wanted}`);
}

/** A scenario of the specification (docs/specification.md), by the commands that it names for its verification. */
async function judgeOutsider(context: CheckContext): Promise<Verdict> {
  const least = context.settings.nodes.length + 1;
  return allOf([
    await judgeHeadAddress(context),
    await judgeMode(context, TEST_WORKER_NAME, "worker"),
    await judgeActive(context, (active) => active >= least, `at least ${least}`),
  ]);
}

export const TEST_CHECKS: readonly Check[] = [
  ["client/ping", "ping from the test client to the HEAD", onClient(judgePing)],
  ["client/ports", "The HEAD's ports 6379 and 10001 can be reached", onClient(judgePorts)],
  ["client/init", "ray.init() through the Ray Client API", onClient(judgeInit)],
  ["client/resources", "ray.cluster_resources() lists the resources", onClient(judgeResources)],
  ["worker/not-in-whitelist", "It sees that its hostname is not in the whitelist", judgeOutside],
  ["worker/head-address", "It uses HEAD_ADDRESS", judgeHeadAddress],
  ["worker/mode", "It started in WORKER mode", (context) => judgeMode(context, TEST_WORKER_NAME, "worker")],
  ["worker/joined", "It joined ray-cpu's cluster and works", judgeJoined],
  ["worker/ray-status", "ray status shows one node more (3)", judgeCount],
  ["scenario/2", "Scenario 2: a node outside the whitelist becomes a WORKER", judgeOutsider],
  ["scenario/3", "Scenario 3: Ray Client connects", judgeListed],
];
