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

/** It accepts and answers late: by what it decides, by what it writes, or by what it sends. To be undone after STALL_MS. */
export const stallService: Make = ({ prng, service }) => {
  const how = prng.pick(["decides", "writes", "answers"] as const);
  const set = (ms: number) => () => {
    if (how === "writes") service.diskSlowMs = ms;
    if (how === "answers") service.answersLateMs = ms;
    if (how === "decides") service.stall(ms > 0);
  };
  return { name: `the health service ${how} late`, apply: set(STALL_MS), undo: set(0) };
};
