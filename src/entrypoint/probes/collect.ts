import { type Address, isAt, sameAddress } from "../../common/address.ts";
import type { Sighting } from "../../common/sighting.ts";
import type { Config } from "../config.ts";
import { holderAddress, possibleHeads } from "../decide/candidates.ts";
import type { HeadFact, HealthFact } from "../facts.ts";
import type { HealthClient } from "../health-client.ts";
import { type HealthProbeSettings, probeHealth } from "./health.ts";

export interface Probes {
  readonly health: Pick<HealthClient, "look">;
  /** Asks one address within `timeoutMs`; never rejects. */
  readonly head: (address: Address, timeoutMs: number) => Promise<Sighting>;
}

export interface Seen {
  readonly health: HealthFact;
  readonly heads: readonly HeadFact[];
}

export interface Collected extends Seen {
  /** What the health service answers in the end, also where it was not waited for; then it is asked no second time. */
  readonly healthInTheEnd: Promise<HeardHealth>;
}

export type HeardHealth = Exclude<HealthFact, { kind: "unknown" }>;

/**
 * Asks the health service and every possible HEAD at once: the whole costs about one DISCOVERY_TIMEOUT however many are
 * silent, and less where the answers that are there already settle the matter, unless all are wanted.
 */
export function collect(
  config: Config,
  probes: Probes,
  signal: AbortSignal,
  wanted: "enough" | "all" = "enough",
): Promise<Collected> {
  const { values } = config;
  const listed = possibleHeads(config);
  const giveUp = new AbortController();
  const seen: Partial = {
    health: null,
    heads: [],
    pending: listed.length,
    explicit: config.explicitHead !== null,
  };
  const ask = (name: string | null, address: Address): Promise<void> =>
    probes.head(address, values.DISCOVERY_TIMEOUT).then((sighting) => {
      seen.heads.push({ name, sighting });
      seen.pending -= 1;
    });
  return new Promise((resolve) => {
    const check = (): void => {
      if (!(wanted === "all" ? seen.pending === 0 && seen.health !== null : enough(seen))) return;
      giveUp.abort();
      const heads = inOrder(seen.heads, listed);
      resolve({ health: seen.health ?? { kind: "unknown", ms: 0 }, heads, healthInTheEnd });
    };
    for (const { name, address } of listed) void ask(name, address).then(check);
    const healthSignal = AbortSignal.any([signal, giveUp.signal]);
    const healthInTheEnd = probeHealth(probes.health, healthSettings(config), healthSignal);
    void healthInTheEnd.then((health) => {
      seen.health = health;
      const holder = unlistedHolder(config, health, listed);
      if (holder !== null) {
        seen.pending += 1;
        void ask(null, holder).then(check);
      }
      check();
    });
    check();
  });
}

interface Partial {
  health: HealthFact | null;
  readonly heads: HeadFact[];
  pending: number;
  readonly explicit: boolean;
}

/**
 * Settled: the lease's holder answers as a HEAD; or everybody was heard; or, before the health service was, just one
 * HEAD answers (two need the lease to tell which is the true one) or the HEAD is explicit.
 */
function enough({ health, heads, pending, explicit }: Partial): boolean {
  const living = heads.flatMap(({ sighting }) => (sighting.kind === "ray-gcs" ? [sighting.address] : []));
  const holder = health?.kind === "lease" ? health.view.holder : null;
  if (holder !== null && living.some((each) => isAt(each, holder.address))) return true;
  return pending === 0 && (health !== null || explicit || living.length === 1);
}

const healthSettings = ({ values }: Config): HealthProbeSettings => ({
  timeoutMs: values.HEALTH_TIMEOUT,
  maxRetries: values.HEALTH_MAX_RETRIES,
  retryIntervalMs: values.HEALTH_RETRY_INTERVAL,
});

type Listed = ReturnType<typeof possibleHeads>;

/** Answers come in any order; decisions and logs follow the whitelist's. */
function inOrder(heads: readonly HeadFact[], listed: Listed): HeadFact[] {
  const place = ({ sighting }: HeadFact): number => {
    const index = listed.findIndex((each) => sameAddress(each.address, sighting.address));
    return index < 0 ? listed.length : index;
  };
  return heads.toSorted((a, b) => place(a) - place(b));
}

/** The lease may name a HEAD that this node's whitelist does not. */
function unlistedHolder(config: Config, health: HealthFact, listed: Listed): Address | null {
  const address = config.explicitHead === null ? holderAddress({ health }) : null;
  if (address === null || sameAddress(address, config.ownAddress)) return null;
  return listed.some((each) => sameAddress(each.address, address)) ? null : address;
}
