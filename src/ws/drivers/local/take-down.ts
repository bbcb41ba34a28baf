import { err, ok, type Result } from "../../../common/result.ts";
import type { Shown } from "../../cluster/while-waiting.ts";
import type { WsFailure } from "../../failure.ts";
import type { DownReport } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { removeTemp } from "./folders.ts";
import { findProcesses, killRest, removeTraces, stopInOrder } from "./stop.ts";

/** The HEAD after those that drain through it, the health service after those that release their lease there. */
const ORDER = { "test-client": 0, "test-worker": 0, node: 1, health: 3 } as const;
const HEAD_ORDER = 2;

/**
 * Stops the named services and leaves nothing of them: no process, also none whose parents are gone, no temporary folder,
 * no listening port. Logs stay. An aborted `now` means at once: no draining.
 */
export async function takeDown(
  cluster: EmbeddedCluster,
  names: readonly string[],
  now: AbortSignal,
  shown?: Shown,
): Promise<Result<DownReport, WsFailure>> {
  const { folders } = cluster;
  const wanted = (service: string) => names.includes(service);
  const running = cluster.running().filter(({ name }) => wanted(name));
  const head = running.length > 0 ? await cluster.headNode() : undefined;
  const place = ({ kind, name }: (typeof running)[number]) => (name === head ? HEAD_ORDER : ORDER[kind]);
  const groups = [0, 1, 2, 3].map((order) => running.filter((each) => place(each) === order));
  await stopInOrder(folders, groups, now, shown);
  const killed = await killRest(() => findProcesses(folders, wanted));
  const left = findProcesses(folders, wanted);
  if (left.length > 0)
    return err({
      reason: "left-over",
      processes: left.map(({ pid, command }) => ({ pid, what: command.slice(0, 100) })),
      ports: [],
    });
  removeTraces(folders, names);
  if (findProcesses(folders, () => true).length === 0) removeTemp(folders);
  return ok({ stopped: running.map(({ name }) => name), killed });
}
