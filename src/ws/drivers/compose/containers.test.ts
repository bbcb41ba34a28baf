import { expect, test } from "vitest";
import { inspectedContainer } from "../../../../test/fixtures/docker/inspected.ts";
import { containerOf } from "./containers.ts";

type Change = Omit<Parameters<typeof inspectedContainer>[0], "service">;

const unused = async () => ({ ok: true, value: "" }) as const;
const engine = { host: "127.0.0.1", docker: unused, compose: unused };
const seen = (change: Change) =>
  containerOf(inspectedContainer({ service: "ray-gpu", ...change }), { engine, configFolder: "/here" });
const exited = { status: "exited" } as const;

test.each<[string, Change, string]>([
  ["an exit", { ...exited, state: { ExitCode: 78 } }, "exit code 78"],
  ["a restart by its policy", { restarts: 1, state: { ExitCode: 75 } }, "exit code 75, restarted 1 times"],
  [
    "out of memory",
    { ...exited, state: { ExitCode: 137, OOMKilled: true } },
    "out of memory (exit code 137)",
  ],
  [
    "the engine's no",
    { status: "created", state: { Error: "no such device" } },
    "the engine could not start it: no such device",
  ],
])("%s is an end with a reason", (_, change, exit) => {
  const service = seen(change);
  expect(service.exit).toBe(exit);
  expect(service.ended || service.restarts > 0).toBe(true);
});

test("one that runs has no end, serves where its port is published, and is another after a start", () => {
  const first = seen({ headPort: 6380, labels: { "com.docker.compose.project.working_dir": "/theirs" } });
  expect(first).toMatchObject({
    name: "ray-gpu",
    ended: false,
    active: true,
    gcs: { host: "127.0.0.1", port: 6380 },
    elsewhere: "/theirs",
  });
  const again = seen({ state: { StartedAt: "2026-01-02T00:00:00Z" } });
  expect(again.life).not.toBe(first.life);
});
