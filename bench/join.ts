import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { until } from "../test/fixtures/until.ts";
import { median, plainRow, type Row } from "./row.ts";

const root = resolve(import.meta.dirname, "..");
const MACHINES = join(root, "test/lab/machines");
const ROUNDS = 3;
const M1 = { name: "m1", node: "cslr-exp-platform-machine-m1" };
const M2 = { address: "10.77.0.2", image: "cslr-exp-platform-machine-m2" };

/** As a driver on machine 1: says each time that the state of machine 2 changes. */
const WATCH = `
import time, ray
ray.init(address="auto", logging_level="error")
was = None
while True:
    now = any(node["Alive"] and node["NodeManagerAddress"] == "${M2.address}" for node in ray.nodes())
    if now != was: print("ALIVE" if now else "gone", flush=True)
    was = now
    time.sleep(0.05)
`;

/**
 * `ws join` until its node is ALIVE and dialled back, against a hand-typed `docker run` of `ray start --address` until that is
 * ALIVE: each the median, on two machines of the lab, with the image there. Nothing where there is no lab.
 */
export async function benchJoin(): Promise<Row[]> {
  if (process.env.LAB_NETNS === undefined) {
    console.error("→ Left out: ws join, since only the lab has machines; → test/lab/up");
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "bench-join-"));
  try {
    await execa(MACHINES, ["up", "2"], { stdio: ["ignore", "ignore", "inherit"] });
    const { hand, ws } = await measure(folder);
    const aim = { ratio: "at most", than: 1.3 } as const;
    return [
      plainRow("by hand: docker run … ray start --address until ALIVE", hand, "s"),
      { name: "ws join: ALIVE and dialled back", value: ws, unit: "s", ratio: ws / hand, aim },
    ];
  } finally {
    await execa(MACHINES, ["down"]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string): Promise<{ hand: number; ws: number }> {
  const config = join(folder, "config.yaml");
  writeFileSync(config, "services: { ray: { defaults: { ray_args: [--object-store-memory=100000000] } } }\n");
  const on = (machine: string, ...words: string[]) => execa(MACHINES, ["run", machine, ...words]);
  const ws = (machine: string, ...words: string[]) =>
    on(machine, join(root, "ws"), "--config", config, "--state", join(folder, machine), ...words);
  const token = async (): Promise<string> => JSON.parse((await ws("m1", "token", "--json")).stdout).token;

  // Whoever types by hand has no certificate of the cluster's.
  await ws("m1", "init", "--interface", "data0", "--no-ray-tls");
  // Builds the image, too.
  await ws("m2", "join", await token());
  await ws("m2", "leave");
  const watching = execa(MACHINES, ["run", M1.name, "docker", "exec", M1.node, "python3", "-c", WATCH]);
  // It ends with its machine.
  watching.catch(() => {});
  let seen = "";
  watching.stdout.on("data", (text: Buffer) => {
    seen = text.toString().trim().split("\n").at(-1) ?? seen;
  });
  const becomes = (what: string) => until(`machine 2 to be ${what}`, () => seen === what, 120_000);
  const { stdout: rayToken } = await on(
    "m1",
    "docker",
    "exec",
    M1.node,
    "sh",
    "-c",
    "cat $RAY_AUTH_TOKEN_PATH",
  );
  const auth = ["--env", "RAY_AUTH_MODE=token", "--env", `RAY_AUTH_TOKEN=${rayToken}`];
  const start = `ray start --address=10.77.0.1:6379 --node-ip-address=${M2.address} --object-store-memory=100000000 --block`;
  const times: { hand: number[]; ws: number[] } = { hand: [], ws: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await becomes("gone");
    const word = await token();
    times.ws.push(await seconds(() => ws("m2", "join", word)));
    await becomes("ALIVE");
    await ws("m2", "leave");
    await becomes("gone");
    const run = ["run", "--detach", "--name", "hand", "--network", "host", "--shm-size", "1g", ...auth];
    const words = [...run, "--entrypoint", "bash", M2.image, "-lc", start];
    times.hand.push(await seconds(() => on("m2", "docker", ...words).then(() => becomes("ALIVE"))));
    await on("m2", "docker", "stop", "hand");
    await on("m2", "docker", "rm", "hand");
  }
  return { hand: median(times.hand), ws: median(times.ws) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}
