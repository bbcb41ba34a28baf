import type { Make } from "./fault.ts";

export const crashService: Make = ({ service }) => ({
  name: "health service down",
  apply: () => service.crash(),
  undo: () => service.start(),
});

export const freezeService: Make = ({ service }) => ({
  name: "health service frozen",
  apply: () => service.pause(),
  undo: () => service.resume(),
});

export const sleepService: Make = ({ service }) => ({
  name: "the health service's machine sleeps",
  apply: () => service.suspend(),
  undo: () => service.wake(),
});

export const fillDisk: Make = ({ service }) => ({
  name: "disk full",
  apply: () => {
    service.diskFull = true;
  },
  undo: () => {
    service.diskFull = false;
  },
});

/** Most of its members are down, or cannot reach each other. */
export const loseMajority: Make = ({ services }) => {
  const set = (hasMajority: boolean) => () => {
    if (services.store !== null) services.store.hasMajority = hasMajority;
  };
  return { name: "the store has no majority", apply: set(false), undo: set(true) };
};

/**
 * The store is lost, and an older copy takes its place, until somebody says that it counts. What no service remembers, none could
 * miss.
 */
export const restoreStore: Make = ({ services, note }) => {
  let isOld = false;
  services.store?.backUp();
  return {
    name: "an old store",
    apply: () => {
      const epoch = services.store?.held?.epoch ?? 0;
      if (!services.all.every((each) => each.remembers(epoch))) return;
      isOld = true;
      note("stores that went back");
      services.store?.restore();
    },
    undo: () => {
      if (isOld) services.promote();
    },
  };
};

const STALL_MS = 12_000;

/** It accepts connections but answers late: its decision or its answer is delayed. */
export const stallService: Make = ({ prng, service }) => {
  const decides = prng.chance(0.5);
  const set = (ms: number) => () => {
    if (decides) service.stall(ms > 0);
    else service.answersLateMs = ms;
  };
  return {
    name: `the health service ${decides ? "decides" : "answers"} late`,
    apply: set(STALL_MS),
    undo: set(0),
  };
};

/** Writes arrive, but late. */
export const hangDisk: Make = ({ service }) => {
  const set = (ms: number) => () => {
    service.diskSlowMs = ms;
  };
  return { name: "disk hangs", apply: set(STALL_MS), undo: set(0) };
};
