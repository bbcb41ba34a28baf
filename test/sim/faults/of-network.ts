import { STORE } from "../store.ts";
import { firstOf, type Make, ofOne, type Target } from "./fault.ts";

type Cut = readonly [string, string];

const hostsOf = ({ places, twin }: Target): string[] => [...places, twin].map(({ host }) => host);
const servicesOf = ({ services }: Target): string[] => services.all.map(({ host }) => host);
const both = (a: string, b: string): Cut[] => [
  [a, b],
  [b, a],
];

function cutting(name: string, { network }: Target, cuts: readonly Cut[]) {
  return { name, apply: () => network.cut(cuts), undo: () => network.mend(cuts) };
}

export const cutNode: Make = (target) => {
  const { prng, places } = target;
  const { host } = prng.pick(places);
  const others = [...servicesOf(target), ...hostsOf(target)].filter((each) => each !== host);
  const far = prng.chance(0.5) ? servicesOf(target) : prng.chance(0.5) ? others : [prng.pick(others)];
  const all = far.flatMap((other) => both(host, other));
  const cuts = prng.chance(0.7) ? all : all.filter((_, i) => i % 2 === Math.floor(prng.next() * 2));
  return cutting(`cut ${cuts.map(([a, b]) => `${a}>${b}`).join(" ")}`, target, cuts);
};

/** The current HEAD or any node, cut off only from the health service. */
export const cutHeadFromService: Make = (target) => {
  let cuts: readonly Cut[] = [];
  const { network } = target;
  return ofOne(
    target,
    "no health service for",
    ({ host }) => {
      cuts = servicesOf(target).flatMap((service) => both(host, service));
      network.cut(cuts);
    },
    () => {
      network.mend(cuts);
      cuts = [];
    },
  );
};

export const splitNetwork: Make = (target) => {
  const { prng } = target;
  const store = target.services.store === null ? [] : [STORE];
  const hosts = [...servicesOf(target), ...hostsOf(target), ...store];
  const side = new Set(hosts.filter(() => prng.chance(0.5)));
  const cuts = hosts.flatMap((a) =>
    hosts.filter((b) => side.has(a) !== side.has(b)).map((b) => [a, b] as const),
  );
  const sides = [[...side], hosts.filter((each) => !side.has(each))].map((each) => each.join(" "));
  return cutting(`network split: ${sides.join(" | ")}`, target, cuts);
};

/** One of several services, cut off from their store, or from all nodes. */
export const cutService: Make = (target) => {
  const { prng, service } = target;
  const far = prng.chance(0.7) ? [STORE] : hostsOf(target);
  const cuts = far.flatMap((each) => both(service.host, each));
  const kept = prng.chance(0.6) ? cuts : cuts.filter((_, i) => i % 2 === 0);
  return cutting(`cut between ${service.host} and ${far.join(" ")}`, target, kept);
};

/** Any two nodes, preferably the first two in the whitelist. */
export const cutPair: Make = (target) => {
  const { prng, places } = target;
  const first = prng.chance(0.5) ? firstOf(target) : prng.pick(places);
  const second = prng.pick(places.filter((each) => each !== first));
  return cutting(`cut between ${first.host} and ${second.host}`, target, both(first.host, second.host));
};

/** The first candidate, cut off from all other nodes. */
export const cutFirst: Make = (target) => {
  const { host } = firstOf(target);
  const others = hostsOf(target).filter((each) => each !== host);
  return cutting(
    `cut between ${host} and all others`,
    target,
    others.flatMap((other) => both(host, other)),
  );
};

export const badNetwork: Make = ({ prng, network }) => {
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

/** The name service of one node, or of all, fails or does not answer. */
export const loseNames: Make = ({ prng, places, twin }) => {
  const how = prng.chance(0.5) ? "fails" : "hangs";
  const of = prng.chance(0.4) ? [...places, twin] : [prng.pick(places)];
  const set = (names: "well" | "fails" | "hangs") => () => {
    for (const each of of) each.names = names;
  };
  const whose = of.length > 1 ? "everybody" : of[0]?.host;
  return { name: `the name service of ${whose} ${how}`, apply: set(how), undo: set("well") };
};
