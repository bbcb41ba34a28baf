import { expect, test } from "vitest";
import { ok } from "../../../common/result.ts";
import { type Claims, conflicts, notYetOurs } from "./conflicts.ts";
import { lookAround, publishedIn } from "./neighbours.ts";

const port = (number: number, use = "GCS") => ({
  service: "ray-cpu",
  use,
  port: number,
  key: "services.ray.cpu.head_port",
});
const claims: Claims = {
  mine: ["mine"],
  ports: [
    port(6379),
    port(8265, "dashboard"),
    ...Array.from({ length: 8 }, (_, i) => port(21000 + i, "workers")),
  ],
  names: new Map([["ray-cpu", "mine-ray-cpu"]]),
  subnet: { key: "network.subnet", text: "172.28.0.0/16" },
};
const ranges = (text: string) => publishedIn(text);

test("E10 everything that another cluster holds of what this one needs is one problem, which names that cluster", () => {
  const containers = [
    {
      name: "lab-ray-cpu",
      project: "lab",
      ports: ranges("0.0.0.0:6379->6379/tcp, :::21000-21057->21000-21057/tcp"),
    },
    { name: "lab-ray-gpu", project: "lab", ports: ranges("0.0.0.0:8265->8265/tcp") },
  ];
  const networks = [{ name: "lab-ray-network", project: "lab", subnets: ["172.28.0.0/16"], inUse: true }];
  expect(conflicts(claims, { containers, networks })).toEqual([
    {
      where: "the cluster lab",
      problem:
        "is on this machine as well, and holds what this cluster needs: ports 6379, 8265, 21000, 21001, 21002, 21003 and 4 more, the network 172.28.0.0/16",
      fix: expect.stringMatching(/^Take it down first/),
    },
  ]);
});

test("E10 this cluster's own resources, and those that do not overlap, are no conflict", () => {
  const own = { name: "mine-ray-cpu", project: "mine", ports: ranges("0.0.0.0:6379->6379/tcp") };
  const other = {
    name: "x",
    project: undefined,
    ports: ranges("0.0.0.0:6380->6379/tcp, 6379/tcp, 0.0.0.0:8265->8265/udp"),
  };
  const networks = [
    { name: "mine-ray-network", project: "mine", subnets: ["172.28.0.0/16"], inUse: true },
    { name: "bridge", project: undefined, subnets: ["172.17.0.0/16", "fe80::/64"], inUse: true },
  ];
  expect(conflicts(claims, { containers: [own, other], networks })).toEqual([]);
  const left = notYetOurs(claims, { containers: [own, other], networks }).map((each) => each.port);
  expect(left).not.toContain(6379);
  expect(left).toContain(8265);
});

test("E10 containers and networks of no cluster are named one by one", () => {
  const containers = [
    { name: "mine-ray-cpu", project: undefined, ports: ranges("127.0.0.1:21000-21003->1-4/tcp") },
  ];
  const networks = [{ name: "old", project: undefined, subnets: ["172.28.16.0/24"], inUse: false }];
  expect(conflicts(claims, { containers, networks }).map(({ where, fix }) => `${where} → ${fix}`)).toEqual([
    "ray-cpu → Rename that one (docker rename), or set another project.name in config.yaml.",
    "ray-cpu, workers → Stop that container if nobody needs it, or set services.ray.cpu.head_port in config.yaml.",
    "network.subnet → Set another network.subnet, or remove that network, which no container uses: docker network rm old.",
  ]);
});

test("docker's warnings between its lines do not count as containers", async () => {
  const docker = async (words: readonly string[]) =>
    ok(words[0] === "ps" ? "WARNING: something\nlab-health\tlab\t0.0.0.0:8080->8080/tcp" : "");
  expect(await lookAround({ docker })).toMatchObject({
    value: { containers: [{ name: "lab-health", project: "lab", ports: [{ min: 8080, max: 8080 }] }] },
  });
});
