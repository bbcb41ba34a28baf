import { defineConfig } from "vitest/config";

const minutes = 60_000;

export default defineConfig({
  define: { __VERSION__: JSON.stringify("0.0.0-test") },
  test: {
    projects: [
      {
        extends: true,
        // Property tests and models run thousands of cases; on a busy machine that takes its time.
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/sim/**/*.test.ts"],
          testTimeout: 2 * minutes,
        },
      },
      {
        extends: true,
        test: {
          name: "process",
          include: ["test/process/**/*.test.ts"],
          testTimeout: 1 * minutes,
          hookTimeout: 1 * minutes,
        },
      },
      {
        extends: true,
        // Real Ray waits more than it works: two files at a time are twice as fast, more would starve each other.
        test: {
          name: "embedded",
          include: ["test/embedded/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 10 * minutes,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          exclude: ["test/faults/**/*.long.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: "faults-long",
          include: ["test/faults/**/*.long.test.ts"],
          testTimeout: 30 * minutes,
          hookTimeout: 10 * minutes,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          // Whole clusters, which all take the specification's addresses and ports: one file after the other.
          name: "docker",
          include: ["test/docker/*.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 15 * minutes,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          // Clusters on networks of their own: these files may run beside those of "docker".
          name: "docker-nodes",
          include: ["test/docker/nodes/*.test.ts"],
          exclude: ["test/docker/**/*.long.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 15 * minutes,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          // Images and lone nodes, most with a fake ray: beside the other two they take little.
          name: "docker-images",
          include: ["test/docker/images/*.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 15 * minutes,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "docker-long",
          include: ["test/docker/**/*.long.test.ts"],
          testTimeout: 30 * minutes,
          hookTimeout: 15 * minutes,
          fileParallelism: false,
        },
      },
    ],
  },
});
