import { statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { Problem } from "../../common/failure.ts";
import { firewallLines, readFirewall } from "../../common/firewall.ts";
import { rangesOf } from "../../common/net/port-ranges.ts";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import type { JoinToken } from "../../common/protocol/join-token.ts";
import { SHM_MARGIN } from "../compose/host-plan.ts";
import { TLS_PORT } from "../compose/machine.ts";
import { isCdi } from "../compose/node-options.ts";
import { networksOf, readHostFacts, readRoutes, readUsedPorts } from "../compose/read-host.ts";
import type { MemberSettings, Settings } from "../config/settings.ts";
import { freeIn, hasGpuToolkit } from "../doctor/look.ts";
import type { RunCommand } from "../drivers/compose/engine.ts";
import type { EngineInfo } from "../drivers/compose/tools.ts";
import { findTakenPorts } from "../drivers/local/taken-ports.ts";
import type { Machine } from "../state/machine.ts";
import { portsOf } from "./ports.ts";
import { IMAGE_BYTES, type MachineFacts, type ServiceFacts } from "./preflight.ts";

/** Looks at this machine and its engine, which says `asked` of itself, before anything is made. `settings`: of its part. */
export async function lookForMember(
  docker: RunCommand,
  settings: Settings & { readonly machine: MemberSettings },
  token: JoinToken | undefined,
  asked: Promise<EngineInfo | undefined>,
): Promise<Omit<MachineFacts, "elsewhere">> {
  const { machine, nodes, health } = settings;
  const used = readUsedPorts();
  const [info, taken, service] = await Promise.all([
    asked,
    // To bind a thousand takes a tenth of a second.
    findTakenPorts(portsOf(machine, health.port).filter(({ port }) => used.has(port))),
    token && lookAtService(token),
  ]);
  const { DockerRootDir: folder = "", Runtimes: runtimes } = info ?? {};
  const [disk] = folder === "" ? [] : await freeIn(folder);
  const [node] = nodes;
  const image = ["image", "inspect", "--format", "x", node?.base.image ?? ""];
  const isByToolkit = node?.gpus !== undefined && !isCdi(node.gpus) && settings.gpuType !== "amd";
  return {
    ...{ disk, taken, service },
    engineVersion: info?.ServerVersion ?? "",
    securityOptions: info?.SecurityOptions ?? [],
    operatingSystem: info?.OperatingSystem ?? "",
    hasImage: disk !== undefined && disk.freeBytes < IMAGE_BYTES && (await docker(image)).ok,
    hasGpu: isByToolkit && settings.hostHasGpu !== false && readHostFacts().hasGpu,
    gpuToolkit: hasGpuToolkit(runtimes ?? {}),
    sharedMemory: machine.infiniband
      ? { bytes: await sizeOf("/dev/shm"), wantedBytes: (node?.objectStoreBytes ?? 0) * SHM_MARGIN }
      : undefined,
    firewall: activeFirewall(machine, service?.localAddress),
  };
}

const sizeOf = (folder: string) =>
  statfs(folder).then(
    ({ blocks, bsize }) => blocks * bsize,
    () => 0,
  );

/** One that surely filters, and the command that lets in those of the network in which this machine has that address. */
function activeFirewall({ candidate, advertise }: Machine, localAddress: string | undefined) {
  const name = readFirewall();
  if (name !== "ufw" && name !== "firewalld") return undefined;
  const own = advertise === undefined ? localAddress : advertise.replace(/:\d+$/, "");
  const [device] =
    Object.entries(networkInterfaces()).find(([, list]) => list?.some(({ address }) => address === own)) ??
    [];
  const { subnet = "any" } = networksOf(readRoutes()).find((route) => route.device === device) ?? {};
  const service = candidate ? ([[TLS_PORT, TLS_PORT]] as const) : [];
  const [line = ""] = firewallLines(name, [...service, ...rangesOf(DEFAULT_PORTS, candidate)], subnet);
  return { name, line };
}

const TIMEOUT_MS = 3000;

/** Looks at a token's cluster from here; nothing secret is sent. The first service that answers with the token's key counts. */
export async function lookAtService({ services, pin }: JoinToken): Promise<ServiceFacts> {
  // Late: docker has been asked by now.
  const { fetchCa, secureCall } = await import("../../common/net/pinned-tls.ts");
  const causes: string[] = [];
  let other: string | undefined;
  for (const service of services) {
    const found = await fetchCa(service, pin, TIMEOUT_MS);
    if (found.ok) {
      const answer = await secureCall(found.value.ca, null)(service)("GET", "/", TIMEOUT_MS);
      const aheadMs =
        answer.ok && !Number.isNaN(answer.value.dateMs) ? Date.now() - answer.value.dateMs : undefined;
      return { problem: undefined, aheadMs, localAddress: found.value.localAddress };
    }
    if (found.error.kind === "no-answer") causes.push(found.error.cause);
    else other ??= service;
  }
  return { problem: other === undefined ? outOfReach(causes) : otherKey(other), aheadMs: undefined };
}

const otherKey = (service: string): Problem => ({
  where: service,
  problem: "another server, with another key than the join token's, answers there; nothing secret was sent",
  fix: "Take a line that ws token prints now; if it says the same, find out what answers there.",
});

const outOfReach = (causes: readonly string[]): Problem => ({
  where: "The cluster's health service",
  problem: `cannot be reached from here: ${causes.join("; ")}`,
  fix: "See that it runs (ws ps there) and that its machine's firewall lets its port in: sudo ufw allow 8443/tcp",
});
