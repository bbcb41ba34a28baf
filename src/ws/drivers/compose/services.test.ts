import { expect, test } from "vitest";
import type { Container } from "./containers.ts";
import { serviceOf } from "./services.ts";

const container = (change: Partial<Container> = {}): Container => ({
  id: "a",
  imageId: "sha256:0",
  configHash: undefined,
  folder: undefined,
  headPort: undefined,
  name: "p-ray-gpu",
  service: "ray-gpu",
  part: "main",
  hostname: "ray-gpu",
  status: "running",
  running: true,
  health: "starting",
  exitCode: 0,
  outOfMemory: false,
  error: "",
  startedAt: "2026-01-01T00:00:00Z",
  pid: 1,
  restarts: 0,
  addresses: ["172.28.0.4"],
  ...change,
});
const project = {
  engine: { host: "127.0.0.1", docker: undefined as never, compose: undefined as never },
  configFolder: "/here",
};
const exited = { status: "exited", running: false } as const;

test.each<[string, Partial<Container>, string]>([
  ["an exit", { ...exited, exitCode: 78 }, "exit code 78"],
  ["a restart by its policy", { restarts: 1, exitCode: 75 }, "exit code 75, restarted 1 times"],
  ["out of memory", { ...exited, exitCode: 137, outOfMemory: true }, "out of memory (exit code 137)"],
  [
    "the engine's no",
    { status: "created", running: false, error: "no such device" },
    "the engine could not start it: no such device",
  ],
])("%s is an end with a reason", (_, change, exit) => {
  const service = serviceOf(container(change), project);
  expect(service.exit).toBe(exit);
  expect(service.ended || service.restarts > 0).toBe(true);
});

test("one that runs has no end, serves where its port is published, and is another after a start", () => {
  const first = serviceOf(container({ headPort: 6380, folder: "/theirs" }), project);
  expect(first).toMatchObject({
    name: "ray-gpu",
    ended: false,
    active: true,
    gcs: { host: "127.0.0.1", port: 6380 },
    elsewhere: "/theirs",
  });
  const again = serviceOf(container({ startedAt: "2026-01-02T00:00:00Z" }), project);
  expect(again.life).not.toBe(first.life);
});
