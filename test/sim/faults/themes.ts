import type { Prng } from "../prng.ts";
import type { Fault, Make, Target } from "./fault.ts";
import {
  badNetwork,
  cutFirst,
  cutHeadFromService,
  cutNode,
  cutPair,
  cutService,
  loseNames,
  splitNetwork,
} from "./of-network.ts";
import {
  addTwin,
  breakGuard,
  breakRay,
  busyGcs,
  crashFirst,
  crashNode,
  freezeAsking,
  freezeNode,
  freezeSupervisor,
  killGcs,
  killGuard,
  loseHead,
  sleepMachine,
  stopFrozen,
  stopNode,
} from "./of-nodes.ts";
import {
  crashService,
  fillDisk,
  freezeService,
  hangDisk,
  loseMajority,
  restoreStore,
  sleepService,
  stallService,
} from "./of-service.ts";

/** A fault with its time, in ms from the start of the history. */
export interface Planned {
  readonly fault: Fault;
  readonly atMs: number;
  readonly forMs: number;
}

/** What goes wrong. */
export type Theme =
  | "anything"
  /** Only the health service. */
  | "service"
  /** A service that loses its state during a partition. */
  | "siege"
  /** The HEAD's Ray, for a long time. */
  | "broken"
  /** Two nodes of one name. */
  | "twins"
  /** No service for a long time, and cuts that come and go. */
  | "unled"
  /** A first candidate that comes back while the HEAD or the names are silent. */
  | "silence"
  | "guards"
  | "sleep"
  /** A HEAD that comes back when another one has led meanwhile, or has not. */
  | "stores"
  /** Several services that share a store. */
  | "shared";

const THEMES: readonly Theme[] = [
  ...new Array<Theme>(7).fill("anything"),
  "service",
  "siege",
  "broken",
  "twins",
  "twins",
  "unled",
  "unled",
  "silence",
  "guards",
  "sleep",
  "stores",
  "stores",
  ...new Array<Theme>(4).fill("shared"),
];

export const pickTheme = (prng: Prng): Theme => prng.pick(THEMES);

const ANY: readonly Make[] = [
  ...[crashNode, crashNode, stopNode, stopNode, breakRay, killGcs, busyGcs],
  ...[freezeNode, freezeNode, freezeSupervisor, freezeAsking, stopFrozen, sleepMachine],
  ...[cutNode, cutNode, cutNode, cutHeadFromService, splitNetwork, badNetwork, loseNames],
  ...[crashService, crashService, freezeService, fillDisk, hangDisk, hangDisk, stallService, sleepService],
  ...[addTwin, breakGuard, killGuard],
];

const OF_SERVICE = [
  crashService,
  crashService,
  freezeService,
  fillDisk,
  hangDisk,
  stallService,
  sleepService,
];

const OF_STORE = [...OF_SERVICE, cutService, cutService, cutService, loseMajority, cutHeadFromService];

/** The faults of a history, all before `untilMs`. */
export function planFaults(target: Target, theme: Theme, untilMs: number): Planned[] {
  return PLANS[theme](new Planner(target, untilMs));
}

class Planner {
  readonly target: Target;
  readonly prng: Prng;
  readonly untilMs: number;

  constructor(target: Target, untilMs: number) {
    this.target = target;
    this.prng = target.prng;
    this.untilMs = untilMs;
  }

  at(make: Make, atMs: number, forMs: number): Planned {
    const { all } = this.target.services;
    const service = all.length > 1 ? this.prng.pick(all) : this.target.service;
    return { fault: make({ ...this.target, service }), atMs, forMs };
  }

  /** At some time after `fromMs`, for a while. */
  during(make: Make, fromMs: number, [shortestMs, longestMs]: readonly [number, number]): Planned {
    const { prng } = this;
    return this.at(make, prng.between(fromMs, this.untilMs), prng.between(shortestMs, longestMs));
  }

  /** One of them, briefly or for long. */
  any(makes: readonly Make[], fromMs: number): Planned {
    const span = this.prng.chance(0.5) ? ([100, 8000] as const) : ([1000, 80_000] as const);
    const make = this.prng.pick(makes);
    return this.during(make, fromMs, SPANS.get(make) ?? span);
  }

  some<T>(least: number, most: number, plan: () => T): T[] {
    return Array.from({ length: this.prng.between(least, most) }, plan);
  }
}

/** Faults that have a length of their own. */
const SPANS: ReadonlyMap<Make, readonly [number, number]> = new Map([
  [stallService, [12_000, 12_000]],
  [hangDisk, [12_000, 80_000]],
  // If it lasts longer, a second look cannot distinguish a busy GCS from none.
  [busyGcs, [500, 4000]],
]);

const PLANS: Readonly<Record<Theme, (planner: Planner) => Planned[]>> = {
  anything: (p) => {
    // A HEAD that has started without faults is the more interesting victim.
    const firstMs = p.prng.chance(0.5) ? 20_000 : 0;
    return p.some(1, 6, () => p.any(ANY, firstMs));
  },
  service: (p) => p.some(1, 6, () => p.any(OF_SERVICE, 20_000)),
  broken: (p) => [p.at(breakRay, p.prng.between(0, 60_000), p.untilMs)],
  siege: (p) => {
    const beginMs = p.prng.between(5000, 25_000);
    return [
      p.at(cutPair, beginMs, p.untilMs - beginMs),
      ...p.some(1, 3, () => p.during(crashNode, beginMs, [200, 4000])),
      ...p.some(2, 10, () => p.during(crashService, beginMs, [50, 1000])),
      ...p.some(0, 2, () => p.during(loseNames, beginMs, [1000, 20_000])),
      ...p.some(0, 1, () => p.during(hangDisk, beginMs, [12_000, 60_000])),
    ];
  },
  twins: (p) => {
    const beginMs = p.prng.between(5000, 30_000);
    return [
      p.at(addTwin, beginMs, p.untilMs - beginMs),
      ...p.some(1, 4, () => p.during(cutHeadFromService, beginMs, [2000, 30_000])),
      ...p.some(0, 3, () => p.any(ANY, beginMs)),
    ];
  },
  unled: (p) => {
    // One node leads with the lease. The first candidate returns, cut off from it. Both lead when the cut heals.
    const beginMs = p.prng.chance(0.3) ? 0 : p.prng.between(10_000, 30_000);
    const cutMs = beginMs + p.prng.between(100, 5000);
    const downMs = p.prng.between(100, 8000);
    return [
      p.at(crashService, beginMs, p.untilMs - beginMs),
      p.at(crashFirst, cutMs, downMs),
      p.at(cutFirst, cutMs, downMs + p.prng.between(8000, 20_000)),
      ...p.some(0, 3, () => p.during(cutPair, 0, [5000, 40_000])),
      ...p.some(0, 2, () => p.during(crashNode, 0, [200, 20_000])),
      ...p.some(0, 1, () => p.during(cutNode, 0, [5000, 40_000])),
    ];
  },
  silence: (p) => {
    // The first candidate is away so long that another one leads, as it may without a lease.
    const backMs = p.prng.between(60_000, p.untilMs);
    const awayMs = p.prng.between(30_000, 50_000);
    return [
      p.at(p.prng.chance(0.7) ? crashFirst : crashNode, backMs - awayMs, awayMs),
      p.at(p.prng.pick([busyGcs, loseNames]), backMs - p.prng.between(0, 2000), p.prng.between(2000, 4000)),
      ...p.some(0, 2, () => p.at(crashService, backMs - p.prng.between(0, 1500), p.prng.between(50, 1000))),
    ];
  },
  guards: (p) => [
    ...p.some(1, 3, () => p.during(breakGuard, 0, [2000, 40_000])),
    ...p.some(0, 2, () => p.during(killGuard, 0, [1, 1])),
    ...p.some(0, 3, () => p.any([freezeSupervisor, freezeNode, cutHeadFromService, crashService], 10_000)),
  ],
  stores: (p) => {
    // One that took over is lost just as the first one comes back.
    const awayMs = p.prng.between(1000, 60_000);
    const backMs = awayMs + p.prng.between(8000, 40_000);
    return [
      p.at(loseHead, backMs - awayMs, awayMs),
      p.at(loseHead, backMs - p.prng.between(0, 3000), p.prng.between(2000, 60_000)),
      ...p.some(0, 2, () => p.any([crashService, crashNode, stopNode, cutHeadFromService], 5000)),
    ];
  },
  shared: (p) => [
    ...p.some(1, 6, () => p.any(OF_STORE, 5000)),
    ...p.some(0, 5, () => p.any(ANY, 5000)),
    ...p.some(0, 1, () => p.at(badNetwork, p.prng.between(0, 60_000), p.untilMs)),
    ...p.some(0, 1, () => p.during(restoreStore, 30_000, [5000, 40_000])),
  ],
  sleep: (p) => [
    ...p.some(1, 3, () => p.during(sleepMachine, 5000, [1000, 90_000])),
    ...p.some(0, 3, () => p.any(ANY, 5000)),
  ],
};
