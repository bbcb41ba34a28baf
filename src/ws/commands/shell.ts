import type { Command } from "commander";
import { formatAddress } from "../../common/address.ts";
import { addressInside, runningHead } from "../cluster/snapshot.ts";
import { plannedHead } from "../config/settings.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import { onCluster, type Run } from "./command.ts";

export const addShell = (program: Command, run: Run) =>
  program
    .command("shell")
    .description("a shell in a node, as Ray's user, with its PATH and token")
    .argument("[node]", "which one (default: the HEAD)")
    .argument("[command...]", "what to run there instead of a shell; behind --")
    .action(run(onCluster(shell)));

/** The user's own on this machine; in a container what there is. */
const ANY_SHELL = 'for each in "$SHELL" bash sh; do command -v "$each" >/dev/null && exec "$each"; done';

async function shell(
  opened: Opened,
  context: WsContext,
  { afterDashes }: GlobalOptions,
  { args }: Pick<Command, "args">,
) {
  // Without a node all words stand behind the dashes.
  const named = args.length > afterDashes.length ? args[0] : undefined;
  const words = named === undefined ? args : args.slice(1);
  const driver = opened.driver.until(context.signal);
  const [found, head] = await Promise.all([driver.list(), runningHead(driver)]);
  if (!found.ok) return found.error;
  const node = named ?? (head.ok ? head.value.name : plannedHead(driver.settings)) ?? "";
  const known = found.value.filter(({ running }) => running).map(({ name }) => name);
  if (known.length === 0 && !head.ok) return head.error;
  const fix = `These do: ${known.join(", ")}. To start what is missing: ws up.`;
  if (!known.includes(node)) return { reason: "not-running", what: `${node} does not run`, fix } as const;
  const gcs = head.ok ? [addressInside(driver, head.value, head.value.headPort ?? 6379)] : [];
  // Several nodes of one machine: Ray's tools would not know which cluster is meant.
  const address = gcs.map((each) => `RAY_ADDRESS=${formatAddress(each)}`);
  const command = words.length > 0 ? words : ["sh", "-c", ANY_SHELL];
  context.become(
    await driver.typed(node, ["env", ...address, ...command], { terminal: context.interactive }),
  );
  return {
    reason: "no-tool",
    tool: "Node that can run a shell in its place",
    fix: "Install Node 24.",
  } as const;
}
