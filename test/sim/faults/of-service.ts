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
