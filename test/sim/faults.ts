import type { Network } from "./network.ts";
import type { Place } from "./place.ts";
import type { Prng } from "./prng.ts";
import { SERVICE, type Service } from "./service.ts";

/** What faults act on. */
export interface Target {
  readonly prng: Prng;
  readonly network: Network;
  readonly service: Service;
  readonly places: readonly Place[];
  readonly start: (place: Place) => void;
  /** As `docker stop`. */
  readonly stop: (place: Place) => void;
}

/** Something that goes wrong for a while; `undo` ends it. */
interface Fault {
  readonly name: string;
  readonly apply: () => void;
  readonly undo: () => void;
}

type Make = (target: Target) => Fault;

const crashNode: Make = ({ prng, places, start }) => {
  const place = prng.pick(places);
  const nameGoes = prng.chance(0.5);
  const apply = () => {
    place.kill();
    place.nameGoes = nameGoes;
  };
  return { name: `${place.name} killed`, apply, undo: () => start(place) };
};

/** A clean stop; the container is started again later. */
const stopNode: Make = ({ prng, places, start, stop }) => {
  const place = prng.pick(places);
  const apply = () => {
    place.nameGoes = true;
    stop(place);
  };
  return { name: `${place.name} stopped`, apply, undo: () => start(place) };
};

/** The one that leads as it happens, where one does, since its failures hold up all others. */
const breakRay: Make = ({ prng, places }) => {
  let place = prng.pick(places);
  const apply = () => {
    place = places.find((each) => each.gcs !== null) ?? place;
    place.rayBroken = true;
    place.gcs = null;
  };
  const undo = () => {
    place.rayBroken = false;
  };
  return { name: "the HEAD's Ray fails to start", apply, undo };
};

const killGcs: Make = ({ places }) => ({
  name: "every GCS killed",
  apply: () => {
    for (const place of places) place.gcs = null;
  },
  undo: () => {},
});

const freezeNode: Make = ({ prng, places }) => {
  const place = prng.pick(places);
  const apply = () => {
    if (place.actor === null) return;
    place.actor.pause();
    place.frozen = true;
  };
  return { name: `${place.name} frozen`, apply, undo: () => thaw(place) };
};

/** A HEAD that was passed over in its sleep wakes up with its SIGTERM: it gives back what is no longer its own. */
const stopFrozen: Make = ({ prng, places, stop }) => {
  let place = prng.pick(places);
  const apply = () => {
    place = places.find((each) => each.gcs !== null) ?? place;
    place.frozen = place.actor !== null;
    place.actor?.pause();
  };
  const undo = () => {
    stop(place);
    thaw(place);
  };
  return { name: "the HEAD frozen, and stopped as it thaws", apply, undo };
};

/** What was granted before the freeze is read after it. */
const freezeAsking: Make = ({ prng, places }) => {
  let place = prng.pick(places);
  const apply = () => {
    place = places.find((each) => each.gcs !== null) ?? place;
    place.freezesAsking = true;
  };
  return { name: "the HEAD freezes as it asks", apply, undo: () => thaw(place) };
};

/** The GCS goes on serving. */
const freezeSupervisor: Make = ({ prng, places }) => {
  const place = prng.pick(places);
  return {
    name: `${place.name}'s supervisor frozen`,
    apply: () => place.actor?.pause(),
    undo: () => thaw(place),
  };
};

function thaw(place: Place): void {
  place.freezesAsking = false;
  place.frozen = false;
  place.actor?.resume();
}

const cutNode: Make = ({ prng, places, network }) => {
  const { name } = prng.pick(places);
  const others = [SERVICE, ...places.map((each) => each.name)].filter((each) => each !== name);
  const far = prng.chance(0.5) ? [SERVICE] : prng.chance(0.5) ? others : [prng.pick(others)];
  const both = far.flatMap((other): [string, string][] => [
    [name, other],
    [other, name],
  ]);
  const cuts = prng.chance(0.7) ? both : both.filter((_, i) => i % 2 === Math.floor(prng.next() * 2));
  return {
    name: `cut ${cuts.map(([a, b]) => `${a}>${b}`).join(" ")}`,
    apply: () => network.cut(cuts),
    undo: () => network.mend(cuts),
  };
};

const splitNetwork: Make = ({ prng, places, network }) => {
  const names = [SERVICE, ...places.map((each) => each.name)];
  const side = new Set(names.filter(() => prng.chance(0.5)));
  const cuts = names.flatMap((a) =>
    names.filter((b) => side.has(a) !== side.has(b)).map((b) => [a, b] as const),
  );
  return {
    name: `network split: ${[...side].join(" ")} | ${names.filter((each) => !side.has(each)).join(" ")}`,
    apply: () => network.cut(cuts),
    undo: () => network.mend(cuts),
  };
};

const crashService: Make = ({ service }) => ({
  name: "health service down",
  apply: () => service.crash(),
  undo: () => service.start(),
});

const freezeService: Make = ({ service }) => ({
  name: "health service frozen",
  apply: () => service.pause(),
  undo: () => service.resume(),
});

const fillDisk: Make = ({ service }) => ({
  name: "disk full",
  apply: () => {
    service.diskFull = true;
  },
  undo: () => {
    service.diskFull = false;
  },
});

const badNetwork: Make = ({ prng, network }) => {
  const weather = {
    loss: prng.next() * 0.5,
    doubling: prng.next() * 0.3,
    delays: prng.next() * 0.3,
  };
  return {
    name: `bad network: ${JSON.stringify(weather)}`,
    apply: () => void Object.assign(network, weather),
    undo: () => void Object.assign(network, { loss: 0, doubling: 0, delays: 0 }),
  };
};

const cutPair: Make = ({ prng, places, network }) => {
  const [a, b] = prng.chance(0.5) ? [places[0], places[1]] : [places[1], places[0]];
  if (a === undefined || b === undefined) throw new Error("expected two nodes at least");
  const cuts = [[a.name, b.name] as const, [b.name, a.name] as const];
  return {
    name: `cut between ${a.name} and ${b.name}`,
    apply: () => network.cut(cuts),
    undo: () => network.mend(cuts),
  };
};

const ANY: readonly Make[] = [
  crashNode,
  crashNode,
  stopNode,
  stopNode,
  breakRay,
  killGcs,
  freezeNode,
  freezeNode,
  freezeSupervisor,
  freezeAsking,
  stopFrozen,
  cutNode,
  cutNode,
  cutNode,
  splitNetwork,
  crashService,
  crashService,
  freezeService,
  fillDisk,
  badNetwork,
];

/** A fault with its time, in ms from the start of the history. */
export interface Planned {
  readonly fault: Fault;
  readonly atMs: number;
  readonly forMs: number;
}

/** What goes wrong: the health service alone, anything, a forgetful service amid a partition, or the HEAD's Ray for long. */
export type Theme = "service" | "anything" | "siege" | "broken";

/** The faults of a history that has `untilMs` for them. */
export function planFaults(target: Target, theme: Theme, untilMs: number): Planned[] {
  const { prng } = target;
  if (theme === "siege") return planSiege(target, untilMs);
  if (theme === "broken") return [{ fault: breakRay(target), atMs: prng.between(0, 60_000), forMs: untilMs }];
  const makes = theme === "service" ? [crashService, freezeService, fillDisk] : ANY;
  // A HEAD that has come up in peace is the more interesting victim.
  const firstMs = theme === "service" || prng.chance(0.5) ? 20_000 : 0;
  return Array.from({ length: prng.between(1, 6) }, () => ({
    fault: prng.pick(makes)(target),
    atMs: prng.between(firstMs, untilMs),
    forMs: prng.chance(0.5) ? prng.between(100, 8000) : prng.between(1000, 80_000),
  }));
}

/** Two nodes that do not see each other, nodes that come back as new ones, and a service that starts again and again. */
function planSiege(target: Target, untilMs: number): Planned[] {
  const { prng } = target;
  const beginMs = prng.between(5000, 25_000);
  const during = (make: Make, shortestMs: number, longestMs: number): Planned => ({
    fault: make(target),
    atMs: prng.between(beginMs, untilMs),
    forMs: prng.between(shortestMs, longestMs),
  });
  const cut = { fault: cutPair(target), atMs: beginMs, forMs: untilMs - beginMs };
  const nodes = Array.from({ length: prng.between(1, 3) }, () => during(crashNode, 200, 4000));
  const restarts = Array.from({ length: prng.between(2, 10) }, () => during(crashService, 50, 1000));
  return [cut, ...nodes, ...restarts];
}
