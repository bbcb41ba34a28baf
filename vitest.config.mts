import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { type Project, projects } from "./scripts/test-projects.ts";

/** Those that have as many files at a time as each other run together. */
const configured = ({
  minutes,
  atOnce,
  exclude = [],
  ...project
}: Project): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    ...project,
    exclude,
    testTimeout: minutes[0] * 60_000,
    hookTimeout: minutes[1] * 60_000,
    maxWorkers: atOnce,
    sequence: { groupOrder: atOnce },
  },
});

export default defineConfig({
  define: { __VERSION__: JSON.stringify("0.0.0-test"), __PAGE__: '{ html: "<p>", policy: "none" }' },
  test: { projects: projects.map(configured) },
});
