import { expect, test } from "vitest";
import { ok } from "../../../common/result.ts";
import { type Claims, conflicts, notYetOurs } from "./conflicts.ts";
import { lookAround, type Neighbour, publishedIn } from "./neighbours.ts";

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
const container = (name: string, project: string | undefined, ports: string): Neighbour => ({
  ...{ kind: "container", name, project, ports: publishedIn(ports), subnets: [], inUse: true },
});
const network = (name: string, project: string | undefined, subnets: string[], inUse = true): Neighbour => ({
  ...{ kind: "network", name, project, ports: [], subnets, inUse },
});

test("E10 everything that another cluster holds of what this one needs is one problem, which names that cluster", () => {
  const lab = [
    container("lab-ray-cpu", "lab", "0.0.0.0:6379->6379/tcp, :::21000-21057->21000-21057/tcp"),
    container("lab-ray-gpu", "lab", "0.0.0.0:8265->8265/tcp"),
    network("lab-ray-network", "lab", ["172.28.0.0/16"]),
  ];
  expect(conflicts(claims, lab)).toEqual([
    {
      where: "the cluster lab",
      problem:
        "is on this machine as well, and holds what this cluster needs: ports 6379, 8265, 21000, 21001, 21002, 21003 and 4 more, the network 172.28.0.0/16",
      fix: expect.stringMatching(/^Take it down first/),
    },
  ]);
});

test("E10 this cluster's own resources, and those that do not overlap, are no conflict", () => {
  const around = [
    container("mine-ray-cpu", "mine", "0.0.0.0:6379->6379/tcp"),
    container("x", undefined, "0.0.0.0:6380->6379/tcp, 6379/tcp, 0.0.0.0:8265->8265/udp"),
    network("mine-ray-network", "mine", ["172.28.0.0/16"]),
    network("bridge", undefined, ["172.17.0.0/16", "fe80::/64"]),
    // Networks have names of their own.
    network("mine-ray-cpu", undefined, []),
  ];
  expect(conflicts(claims, around)).toEqual([]);
  const left = notYetOurs(claims, around).map((each) => each.port);
  expect(left).not.toContain(6379);
  expect(left).toContain(8265);
});

test("E10 containers and networks of no cluster are named one by one", () => {
  const around = [
    container("mine-ray-cpu", undefined, "127.0.0.1:21000-21003->1-4/tcp"),
    network("old", undefined, ["172.28.16.0/24"], false),
  ];
  expect(conflicts(claims, around).map(({ where, fix }) => `${where} → ${fix}`)).toEqual([
    "ray-cpu → Rename that one (docker rename), or set another project.name in config.yaml.",
    "ray-cpu, workers → Stop that container if nobody needs it, or set services.ray.cpu.head_port in config.yaml.",
    "network.subnet → Set another network.subnet, or remove that network, which no container uses: docker network rm old.",
  ]);
});

test("docker's warnings between its lines do not count as containers", async () => {
  const docker = async (words: readonly string[]) =>
    ok(words[0] === "ps" ? "WARNING: something\nlab-health\tlab\t0.0.0.0:8080->8080/tcp" : "");
  expect(await lookAround({ docker })).toEqual(
    ok([container("lab-health", "lab", "0.0.0.0:8080->8080/tcp")]),
  );
});
