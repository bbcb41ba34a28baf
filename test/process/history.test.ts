import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ClusterEvents, NodeLines } from "../../src/common/protocol/events-protocol.ts";
import { ClusterView } from "../../src/common/protocol/report-protocol.ts";
import { Rig } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await new Rig().open();
});
afterEach(() => rig.close());

const at = (path: string) => `http://${rig.healthHost}:8080${path}`;
const get = async (path: string) => (await fetch(at(path))).json();
const events = async (query = "") =>
  ClusterEvents.parse(await get(`/v1/events${query}`)).events.flatMap((each) => each ?? []);
const brief = async () => (await events()).map(({ kind, node }) => `${node} ${kind}`);
const happens = (what: string) => until(what, async () => (await brief()).includes(what));
const linesOf = async (node: string) => NodeLines.parse(await get(`/v1/nodes/${node}/log`)).lines;

test("what happened is kept over a restart of the service, and damage costs a line", async () => {
  const folder = join(rig.folder, "state");
  mkdirSync(folder);
  const state = { RAY_EP_HEALTH_STATE_DIR: folder };
  const first = await rig.health(state);
  const cpu = rig.node("ray-cpu");
  await cpu.says("✓ Ray cluster is ready!");
  (await rig.rays.run("ray-cpu")).exit(1);
  await happens("ray-cpu restarted");
  const before = await events();
  first.signal("SIGKILL");
  await first.exit();
  appendFileSync(join(folder, "events.jsonl"), '{"id":5,"torn');
  await rig.health(state);
  expect(await events()).toEqual(before);
  // A node does not wait for a service that did not answer it last.
  await until("the node to be heard again", async () =>
    ClusterView.parse(await get("/v1/cluster")).nodes.some(({ name }) => name === "ray-cpu"),
  );
  cpu.signal("SIGTERM");
  await happens("ray-cpu stopped");
  const all = await events();
  const of = (kind: string) => all.find((each) => each.kind === kind);
  const [led, joined, restarted] = ["led", "joined", "restarted"].map(of);
  expect(joined).toMatchObject({ kind: "joined", address: rig.host("ray-cpu") });
  expect(led).toMatchObject({ kind: "led", epoch: 1, why: "first", before: null });
  expect(restarted).toMatchObject({
    reason: "ray-exited",
    words: "Ray ended by itself (exit code 1)",
    restarts: 1,
  });
  expect(all.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["gave-back", "stopped"]));
  expect((await events(`?after=${joined?.id}&limit=1`)).map(({ id }) => id)).toEqual([all.at(-1)?.id]);
  await until(
    "a file that is whole",
    () => !readFileSync(join(folder, "events.jsonl"), "utf8").includes("torn"),
  );
});

test("a node that waits is seen with its reason and its log, also by a service that forgot, and one that ends says how", async () => {
  const first = await rig.health();
  const gpu = rig.node("ray-gpu", { HEAD_ADDRESS: `${rig.host("ray-cpu")}:6379`, WAIT_FOR_HEAD: "8" });
  await until("its first line", async () => (await fetch(at("/v1/nodes/ray-gpu/log"))).ok);
  await until("why it waits", async () =>
    (await linesOf("ray-gpu")).some((line) => line.includes("Waiting: for a HEAD at")),
  );
  const lines = await linesOf("ray-gpu");
  expect(lines[0]).toMatch(/^→ ray-entrypoint .* on node ray-gpu/);
  first.signal("SIGKILL");
  await first.exit();
  await rig.health();
  await until("all lines again", async () => {
    const answer = await fetch(at("/v1/nodes/ray-gpu/log"));
    return answer.ok && NodeLines.parse(await answer.json()).lines[0] === lines[0];
  });
  expect(await gpu.exit()).toBe(75);
  await happens("ray-gpu failed");
  const failed = (await events()).find(({ kind }) => kind === "failed");
  expect(failed).toMatchObject({ reason: "no-head-in-time", exitCode: 75 });
  const { nodes } = ClusterView.parse(await get("/v1/cluster"));
  expect(nodes).toMatchObject([{ state: "stopped", status: { failure: { reason: "no-head-in-time" } } }]);
});

/** The frames of a stream, until `isEnough`. */
async function frames(
  path: string,
  isEnough: (all: readonly (readonly [name: string, data: unknown])[]) => boolean,
) {
  const ending = new AbortController();
  const answer = await fetch(at(path), { signal: ending.signal });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  const all = () =>
    [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(
      ([, name = "", data = ""]) => [name, JSON.parse(data)] as const,
    );
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (isEnough(all())) return all();
    }
  } finally {
    ending.abort();
  }
  return all();
}

test("the stream has the cluster at once, each change of it, and what happened after an event", async () => {
  await rig.health();
  const cpu = rig.node("ray-cpu");
  await cpu.says("✓ Ray cluster is ready!");
  const [first, second] = await until("two events", async () =>
    (await events()).length === 2 ? await events() : undefined,
  );
  const seen = frames(`/v1/stream?after=${first?.id}`, (all) =>
    all.some(
      ([name, data]) => name === "cluster" && ClusterView.parse(data).nodes.some(({ silent }) => silent),
    ),
  );
  await until("the stream", async () =>
    (await fetch(at("/metrics")).then((each) => each.text())).includes("head_present 1"),
  );
  cpu.signal("SIGKILL");
  const all = await seen;
  const clusters = all.flatMap(([name, data]) => (name === "cluster" ? [ClusterView.parse(data)] : []));
  expect(clusters[0]?.nodes).toMatchObject([{ name: "ray-cpu", role: "head" }]);
  const kinds = all.flatMap(([name, data]) => (name === "event" ? [(data as { kind: string }).kind] : []));
  expect(kinds).toEqual([second?.kind, "silent"]);
});

test("too many readers of the stream are turned away, and nobody else is", async () => {
  await rig.health();
  const ending = new AbortController();
  const open = () => fetch(at("/v1/stream"), { signal: ending.signal });
  const readers = await Promise.all(Array.from({ length: 51 }, open));
  expect(readers.map(({ status }) => status).toSorted()).toEqual([...Array(50).fill(200), 503]);
  expect((await fetch(at("/"))).status).toBe(200);
  ending.abort();
  await until("room", async () => {
    const answer = await fetch(at("/v1/stream"));
    await answer.body?.cancel();
    return answer.status === 200;
  });
});
