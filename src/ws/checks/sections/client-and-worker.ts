import { gib } from "../../../common/output/units.ts";
import { CLIENT_CONNECTED, headAddressWords } from "../../../common/protocol/specification.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, cannotJudge, check, eachOf, fails, given, type Verdict, verdict } from "../check.ts";
import { clientWord } from "../client-program.ts";
import type { CheckContext } from "../context.ts";
import { judgeActive, judgeMode, livingMainNodes, livingNode, total, wantedCpus } from "../facts.ts";
import { taskOn } from "../probe.ts";

/** Whether the test worker says that it goes where its HEAD_ADDRESS points. */
async function judgeHeadAddress(context: CheckContext): Promise<Verdict> {
  const words = (address = "") => headAddressWords("HEAD_ADDRESS", address);
  const wanted = words(context.told(TEST_WORKER_NAME).HEAD_ADDRESS);
  const said = (await context.lines(TEST_WORKER_NAME)).findLast((line) => line.includes(words()));
  if (said?.split(" ").includes(wanted)) return verdict(true, said);
  return fails(`${said ?? `${TEST_WORKER_NAME} has no line "${words()}"`}; expected ${wanted}`);
}

/** The test's two, as they see the cluster and as it sees them. */
export const TEST_CHECKS = [
  // A connection is no ping: without the program in the image this line cannot be judged.
  check("client/ping", "ping from the test client to the HEAD", (context) =>
    given(context.probe(), (tried) => {
      const ping = tried.find(({ kind }) => kind === "ping" || kind === "tcp");
      if (ping === undefined) return fails("was not tried");
      if (ping.kind === "ping") return ping;
      return (ping.ok ? cannotJudge : fails)(`the image has no ping program; ${ping.saw}`);
    }),
  ),
  check("client/ports", "The HEAD's ports 6379 and 10001 can be reached", (context) =>
    given(context.probe(), (tried) => {
      const ports = tried.filter(({ kind }) => kind === "port");
      const how = (ms: number) => `open in ${ms.toFixed(1)} ms`;
      return allOf(ports.map(({ to, ok, saw, ms }) => verdict(ok, `PORT ${to}: ${ok ? how(ms) : saw}`)));
    }),
  ),
  check("client/init", "ray.init() through the Ray Client API", (context) =>
    given(context.probe(), async (tried) => {
      const line = clientWord(await context.lines(TEST_CLIENT_NAME)) ?? "no word in its log";
      const connect = tried.find(({ kind }) => kind === "connect");
      const own = connect?.ok ? "a second program connected as well" : `a second program: ${connect?.saw}`;
      return verdict(connect?.ok === true && line.startsWith(CLIENT_CONNECTED), `${line}; ${own}`);
    }),
  ),
  check("client/resources", "ray.cluster_resources() lists the resources", (context) =>
    given(context.probe(), async (tried) => {
      const { nodes, test } = context.settings;
      const joined = (await livingNode(context, TEST_WORKER_NAME)) !== undefined;
      const wanted = wantedCpus(nodes) + (joined ? Math.floor(test.worker.cpus) : 0);
      const listed = tried.find(({ kind, ok }) => kind === "resources" && ok)?.saw ?? "{}";
      const resources: Readonly<Record<string, number>> = JSON.parse(listed);
      const names = Object.keys(resources).filter((name) => !name.startsWith("node:"));
      const { CPU = 0 } = resources;
      const saw = `CPU ${CPU}, expected ${wanted}; listed: ${names.toSorted().join(", ") || "nothing"}`;
      return verdict(CPU === wanted, saw);
    }),
  ),
  check("worker/not-in-whitelist", "It sees that its hostname is not in the whitelist", async (context) => {
    const status = await context.status(TEST_WORKER_NAME);
    if (status === undefined) return fails("it reports nothing about itself");
    const { node, place, whitelist } = status;
    const where = place === null ? "none" : `number ${place}`;
    return verdict(place === null, `${node} is ${where} of ${whitelist.join(", ")}`);
  }),
  check("worker/head-address", "It uses HEAD_ADDRESS", judgeHeadAddress),
  check("worker/mode", "It started in WORKER mode", (context) =>
    judgeMode(context, TEST_WORKER_NAME, "worker"),
  ),
  check("worker/joined", "It joined ray-cpu's cluster and works", async (context) => {
    const node = await livingNode(context, TEST_WORKER_NAME);
    if (node === undefined) return fails(`the GCS lists no living ${TEST_WORKER_NAME}`);
    const tried = await context.probe();
    const task = tried.ok ? taskOn(node.name, tried.value) : undefined;
    const main = total(await livingMainNodes(context), "CPU");
    const own = total([node], "CPU");
    const ran = task?.ok ? `a task ran at ${task.saw}` : `no task ran: ${task?.saw ?? "none came back"}`;
    const saw = `ALIVE at ${node.address}; CPU ${main} → ${main + own}; ${ran}`;
    return verdict(task?.ok === true && own > 0, saw);
  }),
  check("worker/ray-status", "ray status shows one node more (3)", (context) => judgeActive(context, true)),
  check("scenario/2", "Scenario 2: a node outside the whitelist becomes a WORKER", async (context) =>
    allOf([
      await judgeHeadAddress(context),
      await eachOf([TEST_WORKER_NAME], (name) => judgeMode(context, name, "worker")),
      await judgeActive(context, true, "or more"),
    ]),
  ),
  // The client lists the resources below its word, before or after the test worker joined.
  check("scenario/3", "Scenario 3: Ray Client connects", async (context) => {
    const lines = await context.lines(TEST_CLIENT_NAME);
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
      `${lines[at]}; CPU: ${cpus}, expected ${least} to ${most}; memory: ${gib(memory, 2)}`,
    );
  }),
];
