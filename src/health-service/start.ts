import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { formatAddress } from "../common/address.ts";
import { monotonicMs, pause } from "../common/deadline.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import type { Event } from "./event.ts";
import type { ServiceFailure } from "./failure.ts";
import { ROOT } from "./http/page.ts";
import { pathsOf } from "./http/paths.ts";
import type { Paths } from "./http/reply.ts";
import { createHealthServer, openFiles, type Transport } from "./http/server.ts";
import { openHistory, openShared, recall, storeOf } from "./memory.ts";
import { Service, type ServiceSettings } from "./service.ts";

const LAST_WRITE_MS = 500;

/** Brings the service up: recalls the state, checks that it can be written, listens. */
export async function startHealthService(
  config: Config,
  identity: Pick<ServiceSettings, "version" | "instance">,
  write: (event: Event) => void,
): Promise<Result<{ port: number; stop: () => Promise<void> }, ServiceFailure>> {
  const { RAY_EP_CLUSTER_DIR: clusterDir, RAY_EP_LEASE_TTL: ttlMs, RAY_EP_HEALTH_HOST: host } = config;
  // The lease and the history of a cluster of members are kept beside them.
  const { folder, members } = storeOf(config);
  const stateDir = folder ?? config.RAY_EP_HEALTH_STATE_DIR ?? clusterDir;
  const history = await openHistory(stateDir, write);
  const log = (event: Event): void => {
    write(event);
    history.hear(event);
  };
  const opened = clusterDir === null ? ok(null) : await openClusterIn(clusterDir, config, log);
  if (!opened.ok) return opened;
  // What a service of several forgot, their store knows.
  const recalled = await recall(stateDir, ttlMs, members === undefined ? log : () => {});
  if (!recalled.ok) return recalled;
  const shared = await openShared(config, members, { ...recalled.value, log });
  if (!shared.ok) return shared;
  // Not boot time: while this machine is suspended no node can renew.
  const around = { now: monotonicMs, pause, log, history, cluster: opened.value?.cluster };
  const service = new Service({ ...identity, ...around, ...recalled.value, shared: shared.value, config });
  await service.lease.open();
  const takeover = opened.value?.takeover(service.lease);
  // One that starts again asks the others first whether it still decides.
  await takeover?.look();
  const servers = serversOf(service, config, pathsOf(service, takeover), opened.value?.transport);
  // Whoever hears by the first of them that it lives finds the others.
  for (const { server, port } of servers.toReversed()) {
    const listening = await listen(server, host, port);
    if (!listening.ok) return listening;
  }
  const { port } = servers[0].server.address() as AddressInfo;
  const whitelist = config.HEAD_WHITELIST?.map(({ name }) => name) ?? null;
  const store = members && { store: `etcd at ${members.map(formatAddress).join(", ")}` };
  const access = accessTo(config);
  log({ type: "started", ...identity, host, port, ttlMs, stateDir, ...store, whitelist, access });
  const ending = new AbortController();
  void takeover?.watch(ending.signal);
  void lookAround(service, ending.signal);
  return ok({ port, stop: () => stop(servers, service).finally(() => ending.abort()) });
}

const LOOK_EVERY_MS = 1000;

async function lookAround(service: Service, signal: AbortSignal): Promise<void> {
  while (await pause(LOOK_EVERY_MS, signal)) {
    await service.lease.look();
    service.look();
  }
}

/** What a write needs. */
function accessTo({ RAY_EP_CLUSTER_DIR: clusterDir, RAY_EP_HEALTH_TOKEN: token }: Config) {
  if (clusterDir !== null) return "member";
  return token === null ? "open" : "token";
}

/** TLS and certificates are loaded for a cluster of members alone. */
const openClusterIn = async (folder: string, config: Config, log: (event: Event) => void) =>
  (await import("./cluster/open.ts")).openCluster(folder, config, log);

interface Listening {
  readonly server: Server;
  readonly port: number;
}

/** One for all. For a cluster of members: one over TLS, and one without, which only says that it lives. */
function serversOf(
  service: Service,
  { RAY_EP_HEALTH_PORT: port, RAY_EP_HEALTH_TLS_PORT: tlsPort }: Config,
  paths: Paths,
  transport: ((maxHandshakes: number) => Transport) | undefined,
): readonly [Listening, ...Listening[]] {
  if (transport === undefined) return [{ server: createHealthServer(service, {}, paths), port }];
  const eighth = Math.floor(openFiles() / 8);
  // After a restart of this service all members come at once.
  const tls = transport(3 * eighth);
  return [
    { server: createHealthServer(service, { max: eighth }, ROOT), port },
    { server: createHealthServer(service, { max: 4 * eighth }, paths, tls), port: tlsPort },
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
