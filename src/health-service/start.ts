import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { monotonicMs, pause } from "../common/deadline.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { Event, ServiceFailure } from "./event.ts";
import { createHealthServer } from "./http/server.ts";
import type { Recalled } from "./lease/lease-state.ts";
import { inTime, StateFile } from "./lease/state-file.ts";
import { Service, type ServiceSettings } from "./service.ts";

const RECALL_TIMEOUT_MS = 10_000;
const LAST_WRITE_MS = 500;

/** Brings the service up: recalls the state, checks that it can be written, listens. */
export async function startHealthService(
  config: Config,
  identity: Pick<ServiceSettings, "version" | "instance">,
  log: (event: Event) => void,
): Promise<Result<{ port: number; stop: () => Promise<void> }, ServiceFailure>> {
  const { RAY_EP_HEALTH_STATE_DIR: stateDir, RAY_EP_LEASE_TTL: ttlMs } = config;
  const file = stateDir === null ? null : new StateFile(stateDir);
  const recalled: Result<Recalled, string> =
    file === null ? ok({ kind: "none" }) : await inTime(RECALL_TIMEOUT_MS, file.recall());
  if (!recalled.ok) return err({ reason: "state-unreadable", file: file?.path ?? "", cause: recalled.error });
  const known = recalled.value;
  log(
    known.kind === "kept"
      ? { type: "memory", kind: "kept", epoch: known.epoch, holder: known.hold?.node ?? null }
      : { type: "memory", ttlMs, ...known },
  );
  // Not boot time: while this machine is suspended no node can renew.
  const around = { now: monotonicMs, pause, log };
  const service = new Service({ ...identity, ...around, config, file, recalled: known });
  await service.lease.open();
  const server = createHealthServer(service);
  const listening = await listen(server, config);
  if (!listening.ok) return listening;
  const whitelist = config.HEAD_WHITELIST?.map(({ name }) => name) ?? null;
  const tokenWanted = config.RAY_EP_HEALTH_TOKEN !== null;
  log({ type: "started", ...identity, ...listening.value, ttlMs, stateDir, whitelist, tokenWanted });
  return ok({ port: listening.value.port, stop: () => stop(server, service) });
}

async function listen(
  server: Server,
  { RAY_EP_HEALTH_HOST: host, RAY_EP_HEALTH_PORT: port }: Config,
): Promise<Result<{ host: string; port: number }, ServiceFailure>> {
  try {
    await once(server.listen({ host, port, backlog: 4096 }), "listening");
    return ok({ host, port: (server.address() as AddressInfo).port });
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err({ reason: "cannot-listen", host, port, code });
  }
}

/** Cuts every connection and returns when the state is on disk. */
async function stop(server: Server, service: Service): Promise<void> {
  server.close();
  server.closeAllConnections();
  // A hung disk must not hold a stop: what was not kept was not granted either.
  await Promise.race([service.lease.settled(), pause(LAST_WRITE_MS)]);
}
