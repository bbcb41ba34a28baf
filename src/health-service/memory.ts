import type { Address } from "../common/address.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { Event } from "./event.ts";
import type { ServiceFailure } from "./failure.ts";
import { History } from "./history/history.ts";
import { HistoryFile } from "./history/history-file.ts";
import type { Recalled } from "./lease/lease-state.ts";
import { inTime, StateFile } from "./lease/state-file.ts";
import type { ServiceSettings } from "./service.ts";

const RECALL_TIMEOUT_MS = 10_000;

/** What happened before, where it was kept. A disk that does not answer holds up no lease. */
export async function openHistory(folder: string | null, log: (event: Event) => void): Promise<History> {
  if (folder === null) return new History();
  const file = new HistoryFile(folder, (path, cause) => log({ type: "history-not-kept", file: path, cause }));
  const events = await inTime(RECALL_TIMEOUT_MS, file.read().then(ok));
  return new History({ events: events.ok ? events.value : [], keep: (...kept) => file.keep(...kept) });
}

type Memory = Pick<ServiceSettings, "file" | "recalled">;
type Own = Memory & Pick<ServiceSettings, "log">;

/** The lease as the last run kept it, and where this one keeps it. */
export async function recall(
  stateDir: string | null,
  ttlMs: number,
  log: (event: Event) => void,
): Promise<Result<Memory, ServiceFailure>> {
  const file = stateDir === null ? null : new StateFile(stateDir);
  const found: Result<Recalled, string> =
    file === null ? ok({ kind: "none" }) : await inTime(RECALL_TIMEOUT_MS, file.recall());
  if (!found.ok) return err({ reason: "state-unreadable", file: file?.path ?? "", cause: found.error });
  const recalled = found.value;
  log(
    recalled.kind === "kept"
      ? { type: "memory", kind: "kept", epoch: recalled.epoch, holder: recalled.hold?.node ?? null }
      : { type: "memory", ttlMs, ...recalled },
  );
  return ok({ file, recalled });
}

/** Only what shares a lease loads what it takes. */
export const openShared = async (config: Config, members: readonly Address[] | undefined, own: Own) =>
  members === undefined
    ? ok(undefined)
    : (await import("./store/shared.ts")).openShared(config, members, own);

/** The folder of a service that keeps the lease alone, or the etcd of several. */
export function storeOf({ RAY_EP_HEALTH_STORE: kept }: Config) {
  if (kept === null) return {};
  return "folder" in kept ? { folder: kept.folder } : { members: kept.etcd };
}
