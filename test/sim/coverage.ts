/** What must happen somewhere in many histories: a fault that never bites proves nothing. */
const HAPPENINGS = [
  "takeovers from another node",
  "nodes frozen while they ask",
  "GCSes killed by the strict guard",
  "leases lost in strict mode",
  "HEADs that gave way to a higher epoch",
  "HEADs that gave way to an earlier one",
  "HEADs that gave way to a higher epoch in sight",
  "releases on a stop",
  "stops that the engine cut short",
  "failed starts of Ray",
  "leases given up after failed starts",
  "HEADs beside a node whose Ray fails",
  "service restarts with memory",
  "service restarts without memory",
  "refused stale epochs",
  "refusals in a quiet period",
  "refusals for a full disk",
  "lost grants recognised",
  "epochs adopted by a forgetful service",
  "epochs told to a forgetful service",
  "HEADs without a lease",
  "HEADs beside a plain 200 service",
  "explicit HEADs",
  "nodes of one name side by side, strict",
  "nodes of one name side by side, lenient",
  "nodes refused for their name",
  "grants to another node of the holder's name",
  "probes of names whose look-up failed",
  "probes of names whose look-up hung",
  "HEADs that fell asleep",
  "HEADs that woke after the end of their lease",
  "stalls of a service that accepts",
  "answers of a service that stalls",
  "writes of a disk that hangs",
  "HEADs too busy to answer",
  "HEADs beside a plain 200 service that did not see all others",
  "HEADs that came into each other's sight without a service",
  "guards that could not be started",
  "guards of HEADs that died",
  "HEADs ended since their guard could not be replaced",
  "clusters that went on",
  "stores put aside",
  "HEADs that stopped to come back",
  "successors that proved themselves",
  "takeovers for which another one had waited as well",
  "services that lost their store",
  "refusals for an old store",
  "stores that went back",
  "grants by several services",
] as const;

export type Happening = (typeof HAPPENINGS)[number];

/** How often each of them happened. */
export type Coverage = Readonly<Record<Happening, number>>;

export class Tally {
  readonly #counts = Object.fromEntries(HAPPENINGS.map((each) => [each, 0])) as Record<Happening, number>;

  readonly note = (what: Happening): void => {
    this.#counts[what]++;
  };

  get coverage(): Coverage {
    return this.#counts;
  }

  add(more: Coverage): void {
    for (const each of HAPPENINGS) this.#counts[each] += more[each];
  }
}
