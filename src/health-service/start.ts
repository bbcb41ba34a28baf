import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readText } from "../common/auth-token.ts";
import { monotonicMs, pause } from "../common/deadline.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { Event, ServiceFailure } from "./event.ts";
import { withoutRepeats } from "./event.ts";
import { maxConnections } from "./http/connections.ts";
import { createHealthServer } from "./http/server.ts";
import { inTime, type Recalled, StateFile } from "./lease/state-file.ts";
import { Service, type ServiceSettings } from "./service.ts";

export interface HealthService {
  readonly port: number;
  /** Cuts every connection and returns when the state is on disk. */
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 5000;
const RECALL_TIMEOUT_MS = 10_000;
const LAST_WRITE_MS = 500;

/** Brings the service up: recalls the state, checks that it can be written, listens. */
export async function startHealthService(
  config: Config,
  identity: Pick<ServiceSettings, "version" | "instance">,
  log: (event: Event) => void,
): Promise<Result<HealthService, ServiceFailure>> {
  const { host, ttlMs, stateDir, whitelist, token, allowedHosts: hosts } = config;
  const file = stateDir === null ? null : new StateFile(stateDir);
  const recalled: Result<Recalled, string> =
    file === null ? ok({ kind: "none" }) : await inTime(RECALL_TIMEOUT_MS, file.recall());
  if (!recalled.ok) return err({ reason: "state-unreadable", file: file?.path ?? "", cause: recalled.error });
  log(memoryEvent(recalled.value, ttlMs));
  const quiet = withoutRepeats(log, monotonicMs);
  // Not boot time: while this machine is suspended no node can renew or report, and a lease that ends later does no
  // harm.
  const now = monotonicMs;
  const service = new Service({ ...identity, config, file, recalled: recalled.value, now, log: quiet });
  await service.lease.open();
  const limits = {
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    maxConnections: maxConnections(readText("/proc/self/limits")),
  };
  const server = createHealthServer({ service, token, hosts, log: quiet, ...limits });
  const listening = await listen(server, config);
  if (!listening.ok) return listening;
  const port = listening.value;
  const names = whitelist?.map(({ name }) => name) ?? null;
  const told = { host, port, ttlMs, stateDir, whitelist: names, tokenWanted: token !== null };
  log({ type: "started", ...identity, ...told });
  return ok({ port, stop: () => stop(server, service) });
}

function memoryEvent(recalled: Recalled, ttlMs: number): Event {
  if (recalled.kind === "none") return { type: "memory", kind: "none", ttlMs };
  if (recalled.kind === "damaged") return { type: "memory", ...recalled };
  const { epoch, hold } = recalled.memory;
  return { type: "memory", kind: "kept", epoch, holder: hold?.node ?? null };
}

async function listen(server: Server, { host, port }: Config): Promise<Result<number, ServiceFailure>> {
  server.listen({ host, port, backlog: 4096 });
  try {
    await once(server, "listening");
    return ok((server.address() as AddressInfo).port);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err({ reason: "cannot-listen", host, port, code });
  }
}

async function stop(server: Server, service: Service): Promise<void> {
  server.close();
  server.closeAllConnections();
  // A hung disk must not hold a stop that was asked for: what was not kept was not granted either.
  await Promise.race([service.lease.settled(), pause(LAST_WRITE_MS)]);
}
