import { expect, test } from "vitest";
import { judgeMachine, type MachineFacts } from "./preflight.ts";

const FIT: MachineFacts = {
  ...{
    elsewhere: undefined,
    securityOptions: ["name=seccomp,profile=builtin"],
    operatingSystem: "Debian 12",
  },
  disk: { folder: "/var/lib/docker", freeBytes: 50 * 2 ** 30 },
  ...{ hasImage: false, hasGpu: true, gpuToolkit: true, taken: [] },
  service: { problem: undefined, aheadMs: 400 },
};
const judge = (facts: Partial<MachineFacts>, name = "gpu02") => judgeMachine({ ...FIT, ...facts }, { name });

test("a machine that is fit", () => {
  expect(judge({})).toEqual({ problems: [], warnings: [] });
  expect(judge({ hasImage: true, disk: { folder: "/", freeBytes: 0 } }).problems).toEqual([]);
});

test.each<[string, Partial<MachineFacts>, RegExp, RegExp]>([
  ["an engine elsewhere", { elsewhere: "gpu07" }, /runs on gpu07/, /docker context use default/],
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

test.each([
  [3_600_000, /3600 s ahead of/],
  [-3_600_000, /3600 s behind/],
])("a clock that is %i ms ahead is said, and stops nothing", (aheadMs, words) => {
  const { problems, warnings } = judge({
    service: { problem: undefined, aheadMs },
  });
  expect(problems).toEqual([]);
  expect(warnings[0]?.problem).toMatch(words);
});
