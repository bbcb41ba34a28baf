import { randomUUID } from "node:crypto";
import leven from "leven";
import type { Failure } from "../common/failure.ts";
import { openGcs } from "../common/gcs/client.ts";
import { probeGcs } from "../common/gcs/probe.ts";
import { createLogger } from "../common/logger.ts";
import type { Config } from "./config.ts";
import { placeOf } from "./decide.ts";
import type { Event } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import type { LocalFact } from "./facts.ts";
import { openHealthClient } from "./health-client.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { Plan } from "./plan.ts";
import type { Probes } from "./probes/collect.ts";
import { render } from "./render.ts";
import type { SettleWorld } from "./settle.ts";
import { StopRequest } from "./stop-request.ts";
import type { SuperviseWorld } from "./supervise.ts";

/** The effects that a node's life needs, wired together once. */
export interface World {
  readonly stop: StopRequest;
  readonly probes: Probes;
  readonly log: (event: Event) => void;
  /** Says who this node is and what it was told. */
  introduce(): void;
  forSettling(local: LocalFact): SettleWorld;
  forSupervising(plan: Plan): SuperviseWorld;
  /** Says why this node ends, gives the lease back and returns the exit code. */
  fail(failure: Failure): Promise<number>;
  /** The same for an end that was asked for. */
  finish(tookMs: number): Promise<number>;
}

/** Builds the world for `config`; `write` takes the log. */
export function openWorld(config: Config, write: (text: string) => void): World {
  const { values } = config;
  const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
  const log = (event: Event): void => logger.log(event);
  const stop = new StopRequest();
  const health = openHealthClient(values.HEALTH_URL, null);
  const lease = new LeaseKeeper({
    config,
    client: health,
    life: randomUUID(),
    onChange: (ok, cause) => log({ type: "lease-renewal", ok, cause }),
  });
  const token = config.authToken;
  const probes: Probes = {
    health,
    head: (address, timeoutMs) => probeGcs(address, { token, timeoutMs }),
  };
  return {
    stop,
    probes,
    log,
    introduce: () => introduce(config, log),
    forSettling: (local) => ({
      probes,
      log,
      askLease: (others) => lease.ask(others),
      ownRayVersion: local.ray.kind === "found" ? local.ray.version : null,
      stop: stop.asked,
    }),
    forSupervising: (plan) => {
      if (plan.role === "head") lease.keep();
      return {
        gcs: openGcs(plan.ready.gcs, { token }),
        stop,
        log,
        onReady: ({ clusterId, version, node, tookMs }) => {
          if (plan.role === "head") lease.serving(clusterId);
          const { nodeId, resources } = node;
          const { role } = plan;
          log({
            type: "ready",
            role,
            address: plan.ready.gcs,
            version,
            clusterId,
            nodeId,
            resources,
            tookMs,
          });
        },
      };
    },
    fail: async (failure) => {
      await lease.release();
      const exitCode = exitCodeOf(failure);
      log({ type: "failed", failure, exitCode });
      return exitCode;
    },
    finish: async (tookMs) => {
      await lease.release();
      log({ type: "stopped", signal: stop.signal, tookMs });
      return 0;
    },
  };
}

function introduce(config: Config, log: (event: Event) => void): void {
  const { node, explicitHead } = config;
  const whitelist = config.whitelist.map((each) => each.name);
  const place = placeOf(config);
  log({ type: "started", version: __VERSION__, node, pid: process.pid });
  log({
    type: "candidate",
    node,
    whitelist,
    place,
    nearest: place >= 0 ? null : nearestName(node, whitelist),
  });
  if (explicitHead !== null) log({ type: "explicit-head", explicit: explicitHead });
}

/** The name that was perhaps meant; null where none is near. */
function nearestName(name: string, names: readonly string[]): string | null {
  const ranked = names
    .map((each) => ({ each, distance: leven(each, name) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}
