import { expect, test } from "vitest";
import { judgeMachine, type MachineFacts } from "./preflight.ts";

const FIT: MachineFacts = {
  ...{
    elsewhere: undefined,
    engineVersion: "28.0.1",
    securityOptions: ["name=seccomp,profile=builtin"],
    operatingSystem: "Debian 12",
  },
  disk: { folder: "/var/lib/docker", freeBytes: 50 * 2 ** 30 },
  ...{ hasImage: false, hasGpu: true, gpuToolkit: true, taken: [] },
  ...{ sharedMemory: undefined, firewall: undefined },
  service: { problem: undefined, aheadMs: 400 },
};
const judge = (facts: Partial<MachineFacts>, name = "gpu02") => judgeMachine({ ...FIT, ...facts }, { name });

test("a machine that is fit", () => {
  expect(judge({})).toEqual({ problems: [], warnings: [] });
  expect(judge({ hasImage: true, disk: { folder: "/", freeBytes: 0 } }).problems).toEqual([]);
});

test.each<[string, Partial<MachineFacts>, RegExp, RegExp]>([
  ["an engine elsewhere", { elsewhere: "gpu07" }, /runs on gpu07/, /docker context use default/],
  ["an engine of long ago", { engineVersion: "19.03.9" }, /20.10 or later, got 19.03.9/, /docs.docker.com/],
  ["a rootless engine", { securityOptions: ["name=rootless"] }, /is rootless/, /docker context use default/],
  ["Docker Desktop", { operatingSystem: "Docker Desktop" }, /virtual machine/, /docs.docker.com/],
  [
    "no GPU toolkit",
    { gpuToolkit: false },
    /cannot give it/,
    /nvidia-ctk runtime configure --runtime=docker/,
  ],
  ["a full disk", { disk: { folder: "/d", freeBytes: 2 ** 30 } }, /got 1.0 GiB/, /docker system df/],
  [
    "ports that somebody has",
    {
      taken: [20100, 20101].map((port) => ({
        host: "0.0.0.0",
        port,
        use: "workers",
        holder: "process 7: x",
      })),
    },
    /process 7: x listens there \(and 1 more\)/,
    /ss -ltnp 'sport = :20100'/,
  ],
  [
    "a service out of reach",
    {
      service: {
        aheadMs: undefined,
        problem: { where: "10.77.0.1:8443", problem: "cannot be reached", fix: "sudo ufw allow 8443/tcp" },
      },
    },
    /cannot be reached/,
    /ufw allow/,
  ],
])("%s is one problem, with what to type", (_, facts, problem, fix) => {
  const { problems } = judge(facts);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.problem).toMatch(problem);
  expect(problems[0]?.fix).toMatch(fix);
});

test("all problems are named at once, the machine's own name among them", () => {
  expect(judge({ elsewhere: "x", gpuToolkit: false }, "health").problems).toHaveLength(3);
});

const GIB = 2 ** 30;
const service = (aheadMs: number) => ({ service: { problem: undefined, aheadMs } });

test.each<[string, Partial<MachineFacts>, RegExp, RegExp]>([
  ["a clock that is ahead", service(3_600_000), /this machine's is 1 h ahead of/, /set-ntp true/],
  ["a clock that is behind", service(-90_000), /is 1 min 30 s behind/, /set-ntp true/],
  [
    "a small /dev/shm where InfiniBand shares it",
    { sharedMemory: { bytes: GIB, wantedBytes: 4.4 * GIB } },
    /has 1.0 GiB, and the object store needs 4.4 GiB/,
    /^sudo mount -o remount,size=5G \/dev\/shm$/,
  ],
  [
    "an active firewall",
    { firewall: { name: "ufw", line: "ufw allow x" } },
    /ufw is active on this machine/,
    /sudo ufw allow x/,
  ],
])("%s is said, with what to type, and stops nothing", (_, facts, advice, fix) => {
  const { problems, warnings } = judge(facts);
  expect([problems, warnings.length]).toEqual([[], 1]);
  expect(warnings[0]?.problem).toMatch(advice);
  expect(warnings[0]?.fix).toMatch(fix);
});
