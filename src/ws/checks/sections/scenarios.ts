import { CLIENT_CONNECTED, MODE_LINES } from "../../../common/protocol/specification.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, checksOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import {
  expectedHead,
  gib,
  judgeActive,
  judgeHeadAddress,
  lastMode,
  logLines,
  otherNames,
  sum,
} from "./common.ts";

const atLeast = (context: CheckContext, least: number): Promise<Verdict> =>
  judgeActive(context, (active) => active >= least, `at least ${least}`);

async function starts(context: CheckContext, service: string, mode: "head" | "worker"): Promise<Verdict> {
  const last = await lastMode(context, service);
  return verdict(last === MODE_LINES[mode], `${service}: ${last}`);
}

const judgeDiscovery = async (context: CheckContext): Promise<Verdict> =>
  allOf([
    await starts(context, expectedHead(context), "head"),
    ...(await Promise.all(otherNames(context).map((name) => starts(context, name, "worker")))),
    await atLeast(context, context.settings.nodes.length),
  ]);

const judgeOutsider = async (context: CheckContext): Promise<Verdict> =>
  allOf([
    await judgeHeadAddress(context),
    await starts(context, TEST_WORKER_NAME, "worker"),
    await atLeast(context, context.settings.nodes.length + 1),
  ]);

/** The client lists the resources below its word, before or after the test worker joined. */
async function judgeClient(context: CheckContext): Promise<Verdict> {
  const lines = await logLines(context, TEST_CLIENT_NAME);
  const at = lines.findLastIndex((line) => line.startsWith(CLIENT_CONNECTED));
  if (at < 0) return fails(`${TEST_CLIENT_NAME}: no line "${CLIENT_CONNECTED}"`);
  const listed = lines.slice(at + 1).map((line) => /^ {2}(\S+): (\S+)$/.exec(line));
  const amount = (name: string) => Number(listed.find((line) => line?.[1] === name)?.[2] ?? 0);
  const { nodes, test } = context.settings;
  const least = sum(nodes.map(({ cpus }) => Math.max(1, Math.floor(cpus))));
  const most = least + Math.max(1, Math.floor(test.worker.cpus));
  const [cpus, memory] = [amount("CPU"), amount("memory")];
  return verdict(
    cpus >= least && cpus <= most && memory > 0,
    `${lines[at]}; CPU: ${cpus}, expected ${least} to ${most}; memory: ${gib(memory)}`,
  );
}

/** The specification's three scenarios (docs/specification.md), each by the commands that it names for its verification. */
export const SCENARIO_CHECKS = checksOf("Scenarios", [
  ["scenario/1", "Scenario 1: HEAD and WORKER find their roles", judgeDiscovery],
  ["scenario/2", "Scenario 2: a node outside the whitelist becomes a WORKER", judgeOutsider],
  ["scenario/3", "Scenario 3: Ray Client connects", judgeClient],
]);
