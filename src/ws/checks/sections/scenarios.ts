import { CLIENT_CONNECTED, MODE_LINES } from "../../../common/specification.ts";
import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { activeNodes } from "../ray-status.ts";
import { expectedHead, gib, judgeHeadAddress, lastMode, logLines, sum } from "./common.ts";

const section = "Scenarios";

interface Part {
  readonly ok: boolean;
  readonly saw: string;
}

const together = (parts: readonly Part[]): Verdict =>
  verdict(
    parts.every(({ ok }) => ok),
    parts.map(({ saw }) => saw).join("; "),
  );

async function statusShows(context: CheckContext, least: number): Promise<Part> {
  const status = await context.rayStatus();
  const active = status.ok ? activeNodes(status.value) : undefined;
  return {
    ok: active !== undefined && active >= least,
    saw: status.ok ? `ray status: ${active ?? "unknown"} nodes, expected at least ${least}` : status.error,
  };
}

async function starts(context: CheckContext, service: string, mode: "head" | "worker"): Promise<Part> {
  const last = await lastMode(context, service);
  return { ok: last === MODE_LINES[mode], saw: `${service}: ${last}` };
}

async function judgeDiscovery(context: CheckContext): Promise<Verdict> {
  const head = expectedHead(context);
  const workers = context.settings.nodes.filter(({ name }) => name !== head);
  return together([
    await starts(context, head, "head"),
    ...(await Promise.all(workers.map(({ name }) => starts(context, name, "worker")))),
    await statusShows(context, context.settings.nodes.length),
  ]);
}

const judgeOutsider = async (context: CheckContext): Promise<Verdict> =>
  together([
    await judgeHeadAddress(context),
    await starts(context, TEST_WORKER_NAME, "worker"),
    await statusShows(context, context.settings.nodes.length + 1),
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
export const SCENARIO_CHECKS: readonly Check[] = [
  { id: "scenario/1", section, title: "Scenario 1: HEAD and WORKER find their roles", run: judgeDiscovery },
  {
    id: "scenario/2",
    section,
    title: "Scenario 2: a node outside the whitelist becomes a WORKER",
    run: judgeOutsider,
  },
  { id: "scenario/3", section, title: "Scenario 3: Ray Client connects", run: judgeClient },
];
