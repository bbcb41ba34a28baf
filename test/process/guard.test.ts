import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { eachRig } from "../fixtures/each-rig.ts";
import { lives } from "../fixtures/rig.ts";
import { until } from "../fixtures/until.ts";

const rig = eachRig();
beforeEach(async () => {
  await rig.health();
});

const STRICT = { RAY_EP_FENCING: "strict" };
/** The time from a strict HEAD's last renewal to the end of its Ray. */
const DEADLINE_MS = 10_000;

/** The guard beside the session of a node's Ray. */
const guardOf = (node: number): number => {
  const statOf = (pid: string) => readFileSync(`/proc/${pid}/stat`, "latin1");
  const pid = readdirSync("/proc").find((name) => {
    try {
      return statOf(name).includes("(bash)") && Number(statOf(name).split(") ")[1]?.split(" ")[1]) === node;
    } catch {
      return false;
    }
  });
  return Number(pid);
};

/** A clock file like /proc/uptime that follows the machine's clock and can be set ahead. */
class Uptime {
  readonly file: string;
  readonly #fd: number;
  readonly #ticking: NodeJS.Timeout;
  #aheadS = 0;

  constructor(folder: string) {
    this.file = join(folder, "uptime");
    this.#fd = openSync(this.file, "w");
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), 10);
  }

  advance(seconds: number): void {
    this.#aheadS += seconds;
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#ticking);
    closeSync(this.#fd);
  }

  /** Written in place with a constant length, so that a reader always finds a whole line. */
  #tick(): void {
    writeSync(this.#fd, `${(uptime() + this.#aheadS).toFixed(2).padStart(12, "0")} 0.00\n`, 0);
  }
}

describe.skipIf(process.getuid?.() !== 0)("with a mount namespace of its own (root)", () => {
  test("A5 strict: after a suspend of a minute Ray is killed within a second of waking", async () => {
    const clock = new Uptime(rig.folder);
    const cpu = rig.nodeApart(`mount --bind '${clock.file}' /proc/uptime`, "ray-cpu", STRICT);
    await cpu.says("✓ Ray cluster is ready!");
    const ray = await rig.rays.run("ray-cpu");
    const asleep = [cpu.pid, guardOf(cpu.pid)];
    for (const pid of asleep) process.kill(pid, "SIGSTOP");
    clock.advance(60);
    for (const pid of asleep) process.kill(pid, "SIGCONT");
    await until("the end of Ray", () => !lives(ray.started.pid), 1000);
    clock.stop();
  });

  test("A7 strict: without bash a node exits with 71 before Ray starts, and another node may lead", async () => {
    const cpu = rig.nodeApart("mount --bind /dev/null /bin/bash", "ray-cpu", STRICT);
    expect(await cpu.exit()).toBe(71);
    expect(cpu.stdout).toMatch(
      /✗ Exit code 71: Ray's guard cannot be started, .*: \/bin\/bash cannot be started/,
    );
    expect(rig.rays.runs).toEqual([]);
    await rig.node("ray-gpu", STRICT).says("✓ Ray cluster is ready!");
  });

  test("A7 lenient: it leads without a guard, and warns", async () => {
    const cpu = rig.nodeApart("mount --bind /dev/null /bin/bash", "ray-cpu");
    await cpu.says("✓ Ray cluster is ready!");
    await cpu.says("✗ Warning: Ray has no guard, so it keeps running if this program is killed: /bin/bash");
    cpu.signal("SIGTERM");
    expect(await cpu.exit()).toBe(0);
  });

  test("A7 strict: if the guard is lost for good, the HEAD gives up the lead by the time at which the guard would have killed Ray", async () => {
    const bash = join(rig.folder, "bash");
    writeFileSync(bash, readFileSync("/bin/bash"), { mode: 0o755 });
    const cpu = rig.nodeApart(`mount --bind '${bash}' /bin/bash`, "ray-cpu", STRICT);
    await cpu.says("✓ Ray cluster is ready!");
    const ray = await rig.rays.run("ray-cpu");
    execFileSync("nsenter", [
      "--target",
      String(cpu.pid),
      "--mount",
      "mount",
      "--bind",
      "/dev/null",
      "/bin/bash",
    ]);
    process.kill(guardOf(cpu.pid), "SIGKILL");
    await cpu.says("✗ Warning: Ray has no guard");
    await until("the end of Ray", () => !lives(ray.started.pid), DEADLINE_MS + 1000);
    await cpu.says("✗ Ray has lost its guard (/bin/bash cannot be started");

    execFileSync("nsenter", ["--target", String(cpu.pid), "--mount", "umount", "/bin/bash"]);
    await until("it leads again", () => cpu.stdout.split("✓ Ray cluster is ready!").length === 3, 20_000);
  });
});
