import type { Command } from "commander";
import { err } from "../../common/result.ts";
import { locked } from "../cluster/down.ts";
import { type GlobalOptions, type WsContext, withJob } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { type Attempt, EXIT } from "../failure.ts";
import { onCluster, type Run } from "./command.ts";

export const addResetState = (program: Command, run: Run) =>
  program
    .command("reset-state")
    .description("put aside what a node has kept of its cluster, so that it starts a new one")
    .argument("<node>", "which one")
    .action(run(onCluster(resetState)));

async function resetState(
  { driver }: Opened,
  context: WsContext,
  _: GlobalOptions,
  { args: [node = ""] }: Pick<Command, "args">,
) {
  const known = driver.settings.nodes.map(({ name }) => name);
  if (!known.includes(node)) return { reason: "no-such-node", node, known } as const;
  const done = await withJob(context, (job) => locked(driver, job, () => putAside(driver, node)));
  if (!done.ok) return done.error;
  const what = done.value
    ? `✓ What ${node} kept of its cluster is put aside; as HEAD it starts a new one`
    : `→ ${node} has kept nothing of a cluster`;
  context.terminal.out(`${what}\n`);
  return EXIT.ok;
}

async function putAside(driver: Driver, node: string): Attempt<boolean> {
  const found = await driver.list("main");
  if (!found.ok) return found;
  const isActive = found.value.some(({ name, active }) => name === node && active);
  return isActive ? err({ reason: "state-in-use", node }) : driver.resetState(node);
}
