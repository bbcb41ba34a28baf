import type { Place } from "../place.ts";
import { type Fault, firstOf, headOf, type Make, ofOne, type Target } from "./fault.ts";

export const crashNode: Make = (target) => crash(target, target.prng.pick(target.places));

/** The first candidate, the only one that may lead when no lease can be had. */
export const crashFirst: Make = (target) => crash(target, firstOf(target));

function crash({ prng, start }: Target, place: Place): Fault {
  const nameGoes = prng.chance(0.5);
  const apply = () => {
    place.kill();
    place.nameGoes = nameGoes;
  };
  return { name: `${place.host} killed`, apply, undo: () => start(place) };
}

/** A clean stop; the container is started again later. */
export const stopNode: Make = ({ prng, places, start, stop }) => {
  const place = prng.pick(places);
  const apply = () => {
    place.nameGoes = true;
    stop(place);
  };
  return { name: `${place.host} stopped`, apply, undo: () => start(place) };
};

/** Killed, or stopped, which the engine cuts short if it hangs. */
export const loseHead: Make = (target) => {
  const { prng, places, start, stop } = target;
  const stops = prng.chance(0.4);
  const hangs = prng.chance(0.2);
  let place = prng.pick(places);
  const apply = () => {
    place = headOf(target, place);
    if (!stops) return place.kill();
    if (hangs) place.freeze();
    stop(place);
  };
  return { name: `the HEAD is ${stops ? "stopped" : "killed"}`, apply, undo: () => start(place) };
};

/** Of the HEAD if there is one, since its failures delay all others. */
export const breakRay: Make = (target) => {
  let place = target.prng.pick(target.places);
  const apply = () => {
    place = headOf(target, place);
    place.rayBroken = true;
    place.endGcs();
  };
  const undo = () => {
    place.rayBroken = false;
  };
  return { name: "the HEAD's Ray fails to start", apply, undo };
};

export const killGcs: Make = ({ places, twin }) => ({
  name: "every GCS killed",
  apply: () => {
    for (const place of [...places, twin]) place.endGcs();
  },
  undo: () => {},
});

/** It is alive, but does not answer for a time that is shorter than a second look. */
export const busyGcs: Make = ({ places, twin, note }) => {
  const all = [...places, twin];
  const set = (busy: boolean) => () => {
    for (const each of all) each.busy = busy;
    if (busy && all.some((each) => each.gcs !== null)) note("HEADs too busy to answer");
  };
  return { name: "the GCS is busy", apply: set(true), undo: set(false) };
};

export const freezeNode: Make = (target) =>
  ofOne(
    target,
    "freeze",
    (place) => place.freeze(),
    (place) => place.thaw(),
  );

/** The GCS and the guard keep running. */
export const freezeSupervisor: Make = (target) =>
  ofOne(
    target,
    "freeze the supervisor of",
    (place) => place.actor?.pause(),
    (place) => place.thaw(),
  );

/** A HEAD that lost the lead while suspended wakes to a SIGTERM, and releases a lease that is no longer its own. */
export const stopFrozen: Make = (target) => {
  let place = target.prng.pick(target.places);
  const apply = () => {
    place = headOf(target, place);
    place.freeze();
  };
  const undo = () => {
    target.stop(place);
    place.thaw();
  };
  return { name: "the HEAD frozen, and stopped as it thaws", apply, undo };
};

/** It reads after the freeze a grant from before it. */
export const freezeAsking: Make = (target) => {
  let place = target.prng.pick(target.places);
  const apply = () => {
    place = headOf(target, place);
    place.freezesAsking = true;
  };
  return { name: "the HEAD freezes as it asks", apply, undo: () => place.thaw() };
};

export const sleepMachine: Make = (target) =>
  ofOne(
    target,
    "sleep of",
    (place) => {
      if (place.serves) target.note("HEADs that fell asleep");
      place.suspend();
    },
    (place) => {
      if (place.asleep && place.gcs !== null && place.guard?.isLate)
        target.note("HEADs that woke after the end of their lease");
      place.wake();
    },
  );

function endGuard({ actor, guard, gcs }: Place, { note }: Target): void {
  // With both gone nothing on the machine could end its Ray: not promised (docs/lease.md).
  if (actor?.running === false) return;
  if (guard !== null && gcs !== null) note("guards of HEADs that died");
  guard?.kill();
}

/** No guard can start, and the running one dies. */
export const breakGuard: Make = (target) => {
  const dies = target.prng.chance(0.7);
  return ofOne(
    target,
    "no guard for",
    (place) => {
      place.guardBroken = true;
      if (dies) endGuard(place, target);
    },
    (place) => {
      place.guardBroken = false;
    },
  );
};

/** It dies, and a new one can be started. */
export const killGuard: Make = (target) =>
  ofOne(
    target,
    "kill the guard of",
    (place) => endGuard(place, target),
    () => {},
  );

/** For a while, a second node of the same name on another host; then one of the two is removed for good. */
export const addTwin: Make = ({ prng, places, twin, start, note }) => {
  const first = places.find((each) => each.name === twin.name);
  if (first === undefined) throw new Error("expected a first node of the twin's name");
  const prefer = places.map(() => prng.chance(0.5));
  const staying = prng.pick([first, twin]);
  return {
    name: `a second ${twin.name}`,
    apply: () => {
      if (twin.exists || !first.exists) return;
      twin.exists = true;
      for (const [i, each] of places.entries()) each.prefersTwins = prefer[i] ?? false;
      note(`nodes of one name side by side, ${twin.isStrict ? "strict" : "lenient"}`);
      start(twin);
    },
    undo: () => {
      if (!twin.exists || !first.exists) return;
      const leaving = staying === first ? twin : first;
      leaving.exists = false;
      leaving.wanted = false;
      leaving.kill();
    },
  };
};
