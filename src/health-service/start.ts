import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { monotonicMs, pause } from "../common/deadline.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { Event, ServiceFailure } from "./event.ts";
import { pathsOf, ROOT } from "./http/paths.ts";
import { createHealthServer, openFiles, type Transport } from "./http/server.ts";
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
  const { RAY_EP_CLUSTER_DIR: clusterDir, RAY_EP_LEASE_TTL: ttlMs } = config;
  // The lease of a cluster of members is kept beside them.
  const stateDir = config.RAY_EP_HEALTH_STATE_DIR ?? clusterDir;
  const opened = clusterDir === null ? ok(null) : await openClusterIn(clusterDir, config, log);
  if (!opened.ok) return opened;
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
  const around = { now: monotonicMs, pause, log, cluster: opened.value?.cluster };
  const service = new Service({ ...identity, ...around, config, file, recalled: known });
  await service.lease.open();
  const servers = serversOf(service, config, opened.value?.transport);
  for (const { server, port } of servers) {
    const listening = await listen(server, config.RAY_EP_HEALTH_HOST, port);
    if (!listening.ok) return listening;
  }
  const [{ server }] = servers;
  const { port } = server.address() as AddressInfo;
  const host = config.RAY_EP_HEALTH_HOST;
  const whitelist = config.HEAD_WHITELIST?.map(({ name }) => name) ?? null;
  const tokenWanted = config.RAY_EP_HEALTH_TOKEN !== null;
  log({ type: "started", ...identity, host, port, ttlMs, stateDir, whitelist, tokenWanted });
  return ok({ port, stop: () => stop(servers, service) });
}

interface Listening {
  readonly server: Server;
  readonly port: number;
}

/** TLS and certificates are loaded for a cluster of members alone. */
const openClusterIn = async (folder: string, config: Config, log: (event: Event) => void) =>
  (await import("./cluster/open.ts")).openCluster(folder, config, log);

/** One for all. For a cluster of members: one over TLS, and one without, which only says that it lives. */
function serversOf(
  service: Service,
  { RAY_EP_HEALTH_PORT: port, RAY_EP_HEALTH_TLS_PORT: tlsPort }: Config,
  transport: ((maxHandshakes: number) => Transport) | undefined,
): readonly [Listening, ...Listening[]] {
  if (transport === undefined) return [{ server: createHealthServer(service), port }];
  const eighth = Math.floor(openFiles() / 8);
  const limits = { max: 6 * eighth };
  return [
    { server: createHealthServer(service, { max: eighth }, ROOT), port },
    { server: createHealthServer(service, limits, pathsOf(service), transport(eighth)), port: tlsPort },
  ];
}

async function listen(server: Server, host: string, port: number): Promise<Result<void, ServiceFailure>> {
  try {
    await once(server.listen({ host, port, backlog: 4096 }), "listening");
    return ok(undefined);
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    return err({ reason: "cannot-listen", host, port, code });
  }
}

/** Cuts every connection and returns when the state is on disk. */
async function stop(servers: readonly Listening[], service: Service): Promise<void> {
  for (const { server } of servers) {
    server.close();
    server.closeAllConnections();
  }
  // A hung disk must not hold a stop: what was not kept was not granted either.
  await Promise.race([service.lease.settled(), pause(LAST_WRITE_MS)]);
}
