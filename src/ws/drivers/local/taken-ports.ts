import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { pids } from "../../../common/proc.ts";
import { attempt } from "../../../common/result.ts";
import { listeningSockets } from "../../compose/read-host.ts";
import type { TakenPort } from "../../output/failure-texts.ts";
import type { PlannedPort } from "./plan.ts";
import { readProcess } from "./processes.ts";

/** The ports that cannot be bound now, with who holds them or the cause. What a process of `ours` holds counts as free. */
export async function findTakenPorts(
  ports: readonly PlannedPort[],
  ours: readonly number[] = [],
): Promise<TakenPort[]> {
  const tried = await Promise.all(ports.map(async (port) => ({ port, refusal: await refusalOf(port) })));
  const refused = tried.flatMap(({ port, refusal }) => (refusal === undefined ? [] : [{ port, refusal }]));
  const listeners = refused.length === 0 ? [] : findListeners();
  return refused.flatMap(({ port, refusal }): TakenPort[] => {
    if (refusal !== "EADDRINUSE") return [{ ...port, holder: undefined, why: whyNot(refusal) }];
    const holder = holderOf(port, listeners);
    if (holder === undefined) return [{ ...port, holder: "a process of another user" }];
    return ours.includes(holder) ? [] : [{ ...port, holder: describe(holder) }];
  });
}

/** Nobody has to hold a port that one cannot have. */
function whyNot(code: string): string {
  if (code === "EACCES") return "needs root, as the ports below 1024 do; choose a higher one";
  if (code === "EADDRNOTAVAIL") return "is at an address that this machine does not have";
  return `cannot be bound: ${code}`;
}

/** Binding is the only proof: a listener on every address blocks ours as well. Undefined: it can be had. */
function refusalOf({ host, port }: PlannedPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

const EVERY_ADDRESS = "00000000";

/** Every socket that listens, with a process that has it where /proc lets us see that (our own, or all of them for root). */
function findListeners() {
  const open = pids().flatMap((pid) =>
    filesIn(`/proc/${pid}/fd`).map((fd) => [linkOf(`/proc/${pid}/fd/${fd}`), pid] as const),
  );
  // Of several that share one, the first.
  const holders = new Map(open.toReversed());
  return listeningSockets().map((each) => ({ ...each, holder: holders.get(`socket:[${each.inode}]`) }));
}

/** The process that listens there. Another cluster may have the same port at an address of its own. */
function holderOf(
  { host, port }: PlannedPort,
  listeners: ReturnType<typeof findListeners>,
): number | undefined {
  const bytes = host.split(".").map(Number);
  // x86-64 and arm64 are little-endian.
  const address = Buffer.from(bytes.toReversed()).toString("hex").toUpperCase();
  const there = listeners.filter(
    (each) => each.port === port && [address, EVERY_ADDRESS].includes(each.address),
  );
  return there.find(({ holder }) => holder !== undefined)?.holder;
}

/** The process, or, where ws started it, which cluster it belongs to and how to end that. */
function describe(pid: number): string {
  const holder = readProcess(pid);
  // Some of Ray's parts overwrite their environment; the node that leads their session has it.
  const labelled = holder?.cluster === "" ? readProcess(holder.session) : holder;
  const { command = "" } = holder ?? {};
  const { cluster = "", service = "" } = labelled ?? {};
  return cluster !== "" && service !== ""
    ? `${service} of another cluster, which ws --state ${dirname(linkOf(`/proc/${pid}/cwd`))} down ends`
    : `process ${pid}: ${command.slice(0, 80)}`;
}

/** A process may be gone by now, or another user's. */
const filesIn = (folder: string): string[] => attempt(() => readdirSync(folder)) ?? [];
const linkOf = (file: string): string => attempt(() => readlinkSync(file)) ?? "";
