import { availableParallelism } from "node:os";

export interface Project {
  readonly name: string;
  readonly include: string[];
  readonly exclude?: string[];
  /** What a test, and what comes before or after one, may take at most. */
  readonly minutes: readonly [test: number, hook: number];
  /** How many files run at a time. */
  readonly atOnce: number;
}

/** Real Ray, small enough for somebody who waits: the other files of its folder are "embedded-more". */
const FIRST = ["test/embedded/{takeover,ws}.test.ts"];
/** Twice as many as the cores of a small machine. */
const MANY = Math.max(4, availableParallelism());
/** A third of the time that the tests with the bundles take: leases that run out, several services. */
const SLOW = [
  "test/process/{guard,machine-lost,one-head,several-services,shared-store,takeover-order}.test.ts",
];
/** Thousands of connections or nodes: on a machine that does other things, such a test says little. */
const LOAD = ["test/process/{flood,thousand}.test.ts"];
const LONG = ["test/**/*.long.test.ts"];

/** test.ts runs them, some beside each other; vitest.config.mts makes Vitest's own of them. */
export const projects: readonly Project[] = [
  // They wait more than they work. Property tests and models run thousands of cases, which takes its time on a busy machine.
  { name: "unit", include: ["src/**/*.test.ts", "test/sim/**/*.test.ts"], minutes: [2, 1], atOnce: MANY },
  {
    name: "process",
    include: ["test/process/**/*.test.ts"],
    exclude: [...LOAD, ...SLOW],
    minutes: [1, 1],
    atOnce: MANY,
  },
  { name: "process-more", include: SLOW, minutes: [1, 1], atOnce: MANY },
  // A browser beside nodes with a fake ray; seconds are measured.
  { name: "browser", include: ["test/browser/**/*.test.ts"], minutes: [2, 1], atOnce: 1 },
  { name: "load", include: LOAD, minutes: [2, 1], atOnce: 1 },
  // Real Ray waits more than it works, too: two files at a time are twice as fast, more would starve each other.
  { name: "embedded", include: FIRST, minutes: [5, 10], atOnce: 2 },
  {
    name: "embedded-more",
    include: ["test/embedded/**/*.test.ts"],
    exclude: FIRST,
    minutes: [5, 10],
    atOnce: 2,
  },
  { name: "faults", include: ["test/faults/**/*.test.ts"], exclude: LONG, minutes: [10, 10], atOnce: 2 },
  { name: "faults-long", include: ["test/faults/**/*.long.test.ts"], minutes: [30, 10], atOnce: 1 },
  // Whole clusters, which all take the specification's addresses and ports.
  { name: "docker", include: ["test/docker/*.test.ts"], exclude: LONG, minutes: [10, 15], atOnce: 1 },
  // Clusters on networks of their own: these files may run beside those of "docker".
  {
    name: "docker-nodes",
    include: ["test/docker/nodes/*.test.ts"],
    exclude: LONG,
    minutes: [10, 15],
    atOnce: 1,
  },
  // Images and lone nodes, most with a fake ray.
  { name: "docker-images", include: ["test/docker/images/*.test.ts"], minutes: [10, 15], atOnce: 1 },
  // Three machines, each with an engine; they measure seconds, so nothing runs beside them.
  { name: "machines", include: ["test/machines/*.test.ts"], minutes: [10, 15], atOnce: 1 },
  { name: "docker-long", include: ["test/docker/**/*.long.test.ts"], minutes: [30, 15], atOnce: 1 },
];
