import type { Server } from "node:http";
import { matchingNames } from "../common/address.ts";
import { readText } from "../common/auth-token.ts";
import { monotonicMs, pause } from "../common/deadline.ts";
import { RENEW_EVERY_S } from "../common/lease-protocol.ts";
import { err, ok, type Result } from "../common/result.ts";
import type { Config } from "./config.ts";
import { connectionLimits } from "./http/connections.ts";
import { createHealthServer } from "./http/server.ts";
import { withTexts } from "./http/view.ts";
import { LeaseStore, type LeaseStoreSettings } from "./lease/lease-store.ts";
import { createOwnAddressCheck } from "./lease/own-address.ts";
import { openStateFile, type Recalled } from "./lease/state-file.ts";
import { withDeadlines } from "./lease/store-deadline.ts";
import type { Event, ServiceFailure } from "./output/event.ts";
import { withoutRepeats } from "./output/quiet-log.ts";
import { createReach } from "./reach/reach.ts";
import { Registry } from "./registry.ts";
import type { Service } from "./service.ts";

export interface Identity {
  readonly version: string;
  /** Names this run, so that clients see when the service forgot. */
  readonly instance: string;
}

export interface HealthService {
  readonly port: number;
  /** Cuts every connection and returns when the state is on disk. */
  stop(): Promise<void>;
}

/** A life that missed two renewals, with a second for the network, is over for a successor of the same name. */
const SAME_NAME_AFTER_MS = 2 * RENEW_EVERY_S * 1000 + 1000;
const ASK_AGAIN_MS = RENEW_EVERY_S * 1000;
const NODES_LIVE_TTLS = 3;
const DIAL_TIMEOUT_MS = 2000;
const REQUEST_TIMEOUT_MS = 5000;
const LAST_WRITE_MS = 500;
/** Nodes wait a second for an answer, and a renewal that stands behind a write shall not miss that. */
const STORE_DEADLINES = { saveMs: 700, recallMs: 10_000 };

/** Brings the service up: recalls the state, checks that it can be written, listens. */
export async function startHealthService(
  config: Config,
  identity: Identity,
  log: (event: Event) => void,
): Promise<Result<HealthService, ServiceFailure>> {
  const quiet = withoutRepeats(log, monotonicMs);
  const service = await createService(config, identity, quiet);
  if (!service.ok) return service;
  const server = createHealthServer({
    service: service.value,
    token: config.token,
    hosts: config.allowedHosts,
    log: quiet,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    connections: connectionLimits(readText("/proc/self/limits")),
  });
  const port = await listen(server, config);
  if (!port.ok) return port;
  const { stateDir, whitelist, ttlMs, token, host } = config;
  log({
    type: "started",
    ...identity,
    host,
    port: port.value,
    ttlMs,
    stateDir,
    whitelist: whitelist?.map(({ name }) => name) ?? null,
    tokenWanted: token !== null,
  });
  return ok({ port: port.value, stop: () => stop(server, service.value) });
}

async function createService(
  config: Config,
  { version, instance }: Identity,
  log: (event: Event) => void,
): Promise<Result<Service, ServiceFailure>> {
  // Not boot time: while this machine is suspended no node can renew or report, and a lease that ends later does no
  // harm.
  const now = monotonicMs;
  const lease = await openLease(config, { instance, lease: leaseSettings(config), now, log });
  if (!lease.ok) return lease;
  const nodes = new Registry({
    forgetAfterMs: NODES_LIVE_TTLS * config.ttlMs,
    sameNameAfterMs: SAME_NAME_AFTER_MS,
    now,
  });
  const dial = createReach({
    timeoutMs: DIAL_TIMEOUT_MS,
    find: (...who) => nodes.find(...who),
    trusted: config.token !== null,
    now,
  });
  const reach: Service["reach"] = async (request, peer) => {
    const answer = await dial(request, peer);
    log({ type: "reach", node: request.node, answer });
    return answer;
  };
  const isOwnAddress = createOwnAddressCheck(config);
  const kept = { lease: lease.value, nodes, answers: new Map() };
  return ok(withTexts({ version, now, startedAtMs: now(), ...kept, reach, isOwnAddress }));
}

async function openLease(
  { stateDir, ttlMs }: Config,
  settings: Omit<LeaseStoreSettings, "store">,
): Promise<Result<LeaseStore, ServiceFailure>> {
  const store = stateDir === null ? null : withDeadlines(openStateFile(stateDir), STORE_DEADLINES);
  const recalled: Result<Recalled, string> = (await store?.recall()) ?? ok({ kind: "none" });
  if (!recalled.ok)
    return err({ reason: "state-unreadable", file: store?.file ?? "", cause: recalled.error });
  const lease = new LeaseStore({ ...settings, store }, recalled.value);
  tellMemory(recalled.value, ttlMs, settings.log);
  await lease.open();
  return ok(lease);
}

function leaseSettings({ ttlMs, whitelist }: Config) {
  const names = whitelist?.map(({ name }) => ({ name }));
  return {
    ttlMs,
    sameNameAfterMs: SAME_NAME_AFTER_MS,
    askAgainMs: ASK_AGAIN_MS,
    // The short and the long form of a name are the same name, as for the nodes themselves.
    isCandidate: (node: string) => names === undefined || matchingNames(names, node).length === 1,
  };
}

function tellMemory(recalled: Recalled, ttlMs: number, log: (event: Event) => void): void {
  if (recalled.kind === "none") log({ type: "memory", kind: "none", ttlMs });
  else if (recalled.kind === "damaged") log({ type: "memory", ...recalled });
  else {
    const { epoch, hold } = recalled.memory;
    log({ type: "memory", kind: "kept", epoch, holder: hold?.node ?? null });
  }
}

function listen(server: Server, { host, port }: Config): Promise<Result<number, ServiceFailure>> {
  return new Promise((resolve) => {
    const refuse = ({ code = "unknown" }: NodeJS.ErrnoException) =>
      resolve(err({ reason: "cannot-listen", host, port, code }));
    server.once("error", refuse);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off("error", refuse);
      const address = server.address();
      resolve(ok(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}

async function stop(server: Server, service: Service): Promise<void> {
  server.close();
  server.closeAllConnections();
  // A hung disk must not hold a stop that was asked for: what was not kept was not granted either.
  await Promise.race([service.lease.settled(), pause(LAST_WRITE_MS)]);
}
