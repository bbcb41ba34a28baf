import { CLIENT_CONNECTED } from "../../../common/protocol/specification.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { cannotJudge, checksOf, fails, type Verdict, verdict } from "../check.ts";
import type { ClientReport } from "../client-probe.ts";
import { clientWord } from "../client-program.ts";
import type { CheckContext } from "../context.ts";
import { livingNode, logLines, sum } from "./common.ts";

const onReport =
  (judge: (report: ClientReport, context: CheckContext) => Verdict | Promise<Verdict>) =>
  async (context: CheckContext): Promise<Verdict> => {
    const report = await context.client();
    return report.ok ? judge(report.value, context) : fails(report.error);
  };

/** A connection is no ping: where the image lacks the program, nobody can say that it holds. */
function judgePing({ ping }: ClientReport): Verdict {
  if (ping.by === "ping") return verdict(ping.ok, ping.saw);
  const saw = `the image has no ping program; ${ping.saw}`;
  return ping.ok ? cannotJudge(saw) : fails(saw);
}

const judgePorts = ({ ports }: ClientReport): Verdict =>
  verdict(
    ports.every(({ error }) => error === null),
    ports
      .map(({ port, ms, error }) => `PORT ${port}: ${error ?? `open in ${(ms ?? 0).toFixed(1)} ms`}`)
      .join("; "),
  );

async function judgeInit(report: ClientReport, context: CheckContext): Promise<Verdict> {
  const line = clientWord(await logLines(context, TEST_CLIENT_NAME));
  const own = report.connected ? "a second program connected as well" : `a second program: ${report.error}`;
  return verdict(
    report.connected && line?.startsWith(CLIENT_CONNECTED) === true,
    `${line ?? "no word in its log"}; ${own}`,
  );
}

async function judgeResources(report: ClientReport, context: CheckContext): Promise<Verdict> {
  const { nodes, test } = context.settings;
  const worker =
    (await livingNode(context, TEST_WORKER_NAME)) === undefined ? 0 : Math.floor(test.worker.cpus);
  const wanted = sum(nodes.map(({ cpus }) => Math.max(1, Math.floor(cpus)))) + worker;
  const { CPU = 0 } = report.resources;
  const names = Object.keys(report.resources).filter((name) => !name.startsWith("node:"));
  return verdict(
    CPU === wanted,
    `CPU ${CPU}, expected ${wanted}; listed: ${names.toSorted().join(", ") || "nothing"}`,
  );
}

export const CLIENT_CHECKS = checksOf("Test client", [
  ["client/ping", "ping from the test client to the HEAD", onReport(judgePing)],
  ["client/ports", "The HEAD's ports 6379 and 10001 can be reached", onReport(judgePorts)],
  ["client/init", "ray.init() through the Ray Client API", onReport(judgeInit)],
  ["client/resources", "ray.cluster_resources() lists the resources", onReport(judgeResources)],
]);
