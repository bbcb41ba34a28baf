import { TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { activeNodes } from "../ray-status.ts";
import { expectedHead, logLine } from "./common.ts";

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

async function says(context: CheckContext, service: string, pattern: RegExp): Promise<Part> {
  const line = await logLine(context, service, pattern);
  return { ok: line !== undefined, saw: `${service}: ${line ?? `no line ${pattern.source}`}` };
}

async function judgeDiscovery(context: CheckContext): Promise<Verdict> {
  const head = expectedHead(context);
  const workers = context.settings.nodes.filter(({ name }) => name !== head);
  return together([
    await says(context, head, /^Mode: head$/),
    ...(await Promise.all(workers.map(({ name }) => says(context, name, /^Mode: worker$/)))),
    await statusShows(context, context.settings.nodes.length),
  ]);
}

const judgeOutsider = async (context: CheckContext): Promise<Verdict> =>
  together([
    await says(context, TEST_WORKER_NAME, /HEAD_ADDRESS=/),
    await says(context, TEST_WORKER_NAME, /^Mode: worker$/),
    await statusShows(context, context.settings.nodes.length + 1),
  ]);

const judgeClient = async (context: CheckContext): Promise<Verdict> =>
  together([await says(context, TEST_CLIENT_NAME, /^✓ Ray client connected/)]);

/** The specification's three scenarios, each by the commands that it names for its verification. */
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
