import { type Address, sameAddress } from "../../common/address.ts";
import type { Config } from "../config/config.ts";
import type { Probes } from "../deps.ts";
import { holderIn, isHolder, possibleHeads } from "./decide/candidates.ts";
import type { HeadFact, HealthFact } from "./facts.ts";
import { probeHealth } from "./health.ts";

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
  const explicit = config.explicitHead !== null;
  const seen: Partial = { health: null, heads: [], pending: listed.length, explicit };
  const ask = (name: string | null, address: Address): Promise<void> =>
    probes.probe(address, values.DISCOVERY_TIMEOUT).then((result) => {
      seen.heads.push({ name, result });
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
    const healthInTheEnd = probeHealth(values, probes, healthSignal);
    void healthInTheEnd.then((health) => {
      seen.health = health;
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
  const living = heads.filter(({ result }) => result.kind === "ray-gcs");
  const holder = health === null ? null : holderIn({ health });
  if (living.some((each) => isHolder(each, holder))) return true;
  return pending === 0 && (health !== null || explicit || living.length === 1);
}

/** Answers come in any order; decisions and logs follow the whitelist's. */
function inOrder(heads: readonly HeadFact[], listed: ReturnType<typeof possibleHeads>): HeadFact[] {
  const place = ({ result }: HeadFact): number =>
    listed.findIndex((each) => sameAddress(each.address, result.address));
  return heads.toSorted((a, b) => place(a) - place(b));
}
