import { hostname } from "node:os";
import { authOfRay } from "../common/auth-token.ts";
import { realClock } from "../common/deadline.ts";
import type { Failure } from "../common/failure.ts";
import { readText } from "../common/files.ts";
import { THREADS } from "../common/lookup.ts";
import { createLogger, logForm } from "../common/output/logger.ts";
import { visible } from "../common/output/shown.ts";
import { handleSignals, leave } from "../common/process.ts";
import { findTlsProblems, readTls } from "../gcs/tls.ts";
import { readArgs } from "./config/args.ts";
import { asUser, type RayUser } from "./config/become.ts";
import type { Config } from "./config/config.ts";
import { probeLocal, readInterfaces, readTokenFile } from "./config/local.ts";
import { readConfig } from "./config/read-config.ts";
import { findUsers } from "./config/users.ts";
import type { Deps } from "./deps.ts";
import { collect } from "./election/collect.ts";
import { tellOwnNames } from "./election/own-names.ts";
import { StatusKeeper } from "./lease/node-status.ts";
import { Node } from "./node.ts";
import { boundedWrite } from "./output/bounded-log.ts";
import { type Event, render } from "./output/event.ts";
import { exitCodeOf } from "./output/exit-code.ts";
import { helpText } from "./output/help.ts";
import { introduction } from "./output/introduction.ts";
import { noteFile } from "./output/notes.ts";
import { planForPid1 } from "./pid1.ts";
import { type Input, realDeps } from "./real-deps.ts";
import { StopRequest } from "./stop-request.ts";

/** Reads the configuration, looks at this machine, makes the real effects, and lets a node live with them. */
async function main(): Promise<number> {
  const request = readArgs(process.argv.slice(2));
  if (!request.ok) return refuse({ reason: "bad-command-line", problems: request.error });
  if (request.value.kind === "help") return print(helpText(__VERSION__));
  if (request.value.kind === "version") return print(`${__VERSION__}\n`);
  const hasInit = standBehindInit();
  const stopRequest = new StopRequest(realClock);
  const isRun = request.value.kind === "run";
  if (isRun) handleSignals((signal) => stopRequest.receive(signal));

  // Ray gets the environment as it was given.
  const env = { ...process.env };
  process.env.UV_THREADPOOL_SIZE = THREADS;
  const who = findUsers(env);
  const interfaces = readInterfaces();
  const tls = asUser(who.becomes, () => readTls(env));
  const read = readConfig({
    env,
    hostname: hostname(),
    rayWords: request.value.rayWords,
    tokenFile: readTokenFile(env, who),
    healthTokenFile: readText(env.RAY_EP_HEALTH_TOKEN_FILE?.trim() ?? ""),
    interfaces,
    tls: tls && { keys: tls, problems: await findTlsProblems(env, tls) },
  });
  if (!read.ok) return refuse({ reason: "bad-configuration", problems: read.error }, isRun, who.becomes);
  const local = await probeLocal(who, read.value.values, env, stopRequest.asked);
  if (!local.ok) return refuse(local.error, isRun, who.becomes);
  const config: Config = { ...read.value, auth: authOfRay(read.value.auth, local.value.ray.version) };

  const terminal = process.stdout.isTTY === true;
  const input = { config, local: local.value, env, terminal, stopRequest, runId: randomWord() };
  const limit = config.values.RAY_EP_LOG_LIMIT;
  const deps = realDeps(input, boundedWrite(toStdout, process.stdout.fd, limit, who.becomes));
  if (request.value.kind === "dry-run") return explain(input, deps, request.value.json);
  const isOpen = config.auth.token !== null && config.healthToken === null;
  const first: Event[] = [
    { type: "started", version: __VERSION__, node: config.node, pid: process.pid },
    ...introduction(input),
    ...(hasInit ? [] : [NO_INIT]),
    ...(isOpen ? [OPEN_LEASE] : []),
  ];
  tellOwnNames(config, interfaces ?? [], deps.log);
  return new Node({ ...input, introduction: first }, deps).live();
}

/** From the kernel itself (random(4)): loading node:crypto takes a tenth of a decision. Other systems have no such file. */
function randomWord(): string {
  return readText("/proc/sys/kernel/random/uuid")?.trim() ?? crypto.randomUUID();
}

async function explain(input: Input, deps: Deps, json: boolean): Promise<number> {
  const { heads, healthInTheEnd } = await collect(input.config, deps, input.stopRequest.asked, "all");
  const seen = { heads, health: await healthInTheEnd };
  const { dryRun, renderDryRun } = await import("./output/dry-run.ts");
  const report = dryRun({ version: __VERSION__, ...input, seen });
  const lines = json ? JSON.stringify(report, null, 2).split("\n") : renderDryRun(report);
  print(`${lines.map(visible).join("\n")}\n`);
  return report.exitCode;
}

const toStdout = (text: string): void => void process.stdout.write(text);

function print(text: string): number {
  toStdout(text);
  return 0;
}

const NO_INIT: Event = {
  type: "warning",
  what: "this program is PID 1 and finds no init: dead processes of this container will pile up",
  fix: "Use docker run --init (compose: init: true), or an image with tini.",
};

const OPEN_LEASE: Event = {
  type: "warning",
  what: "Ray requires a token here, but this node has no token for the health service: if the service takes writes from everybody, anybody can decide which node leads",
  fix: "Give the health service and all nodes the same secret: RAY_EP_HEALTH_TOKEN, or RAY_EP_HEALTH_TOKEN_FILE with the path of a file that holds it.",
};

/** As PID 1 this program replaces itself by an init, which starts it again as its child. False if it finds none. */
function standBehindInit(): boolean {
  const pid1 = planForPid1({
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    argv: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    path: process.env.PATH ?? "",
    canReplace: typeof process.execve === "function",
  });
  if (pid1.kind === "init-found") process.execve?.(pid1.file, [pid1.file, ...pid1.args]);
  return pid1.kind !== "no-init";
}

/** The last words of a node that could not even begin; `user`: whose rights its status is written with. */
function refuse(failure: Failure, isRun = false, user: RayUser | null = null): number {
  const event: Event = { type: "failed", failure, exitCode: exitCodeOf(failure) };
  const write = (text: string): void => void process.stderr.write(text);
  const form = logForm(process.env.RAY_EP_LOG);
  createLogger<Event>({ form, write, render, now: () => new Date() }).log(event);
  const file = process.env.RAY_EP_STATUS_FILE?.trim() ?? "";
  if (isRun && file.startsWith("/"))
    new StatusKeeper(hostname(), __VERSION__, noteFile(file, user)).hear(event);
  return event.exitCode;
}

// A log that cannot be written (its disk is full, its reader is gone) is no reason to end a cluster.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

// On Linux writes to pipes, files and terminals are synchronous, so nothing is lost by leaving at once.
void main().then(
  (exitCode) => leave(process, exitCode),
  (error: Error) => {
    process.stderr.write(
      `✗ Exit code 1: a bug in ray-entrypoint → Report it with this line: ${visible(String(error.stack))}\n`,
    );
    leave(process, 1);
  },
);
