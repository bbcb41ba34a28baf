import { hostname } from "node:os";
import { authOfRay } from "../common/auth-token.ts";
import { realClock } from "../common/deadline.ts";
import { readText } from "../common/files.ts";
import { THREADS } from "../common/lookup.ts";
import { visible } from "../common/output/shown.ts";
import { handleSignals, leave } from "../common/process.ts";
import { ok } from "../common/result.ts";
import { findTlsProblems, readTls } from "../gcs/tls.ts";
import { type Request, readArgs } from "./config/args.ts";
import { asUser, type RayUser } from "./config/become.ts";
import type { Config } from "./config/config.ts";
import { probeLocal, readInterfaces, readTokenFile } from "./config/local.ts";
import { readConfig } from "./config/read-config.ts";
import { findUsers } from "./config/users.ts";
import type { Deps } from "./deps.ts";
import { tellOwnNames } from "./election/own-names.ts";
import { type DryRun, explain, explainAlone } from "./explain.ts";
import type { HealthClient } from "./lease/health-client.ts";
import { enter, peek } from "./membership/enter.ts";
import type { Member } from "./membership/member.ts";
import type { Newcomer } from "./membership/newcomer.ts";
import type { Told } from "./membership/overlay.ts";
import { isMember } from "./membership/state-dir.ts";
import { Node } from "./node.ts";
import { boundedWrite } from "./output/bounded-log.ts";
import type { Event } from "./output/event.ts";
import { helpText } from "./output/help.ts";
import { introduction, NO_INIT, OPEN_LEASE } from "./output/introduction.ts";
import { lastWords } from "./output/last-words.ts";
import { standBehindInit } from "./pid1.ts";
import { realDeps } from "./real-deps.ts";
import { aborted, NEW_TOKEN, StopRequest } from "./stop-request.ts";

const { firstLog, refuse, sayAlone } = lastWords(process.env, hostname());
const toStdout = (text: string): void => void process.stdout.write(text);

/** Reads the command line, joins a cluster of several machines where it is told to, and lets the node live. */
async function main(): Promise<number> {
  const request = readArgs(process.argv.slice(2));
  if (!request.ok) return refuse({ reason: "bad-command-line", problems: request.error });
  if (request.value.kind === "help") return print({ text: helpText(__VERSION__) });
  if (request.value.kind === "version") return print({ text: `${__VERSION__}\n` });
  const hasInit = standBehindInit(process);
  const stopRequest = new StopRequest(realClock);
  const isRun = request.value.kind === "run";
  if (isRun) handleSignals((signal) => stopRequest.receive(signal));

  // Ray gets the environment as it was given.
  const env = { ...process.env };
  process.env.UV_THREADPOOL_SIZE = THREADS;
  const who = findUsers(env);
  const base = { who, hostname: hostname(), stopRequest };
  const told = { env, rayWords: request.value.rayWords };
  const earlier: Event[] = [];
  const say = firstLog(toStdout);
  const log = (event: Event): void => {
    earlier.push(event);
    say(event);
  };
  const newcomer = { ...base, ...told, log };
  const entered = isMember(env) ? await (isRun ? enter : peek)(newcomer) : ok(null);
  if (!entered.ok) return refuse(entered.error, isRun, who.becomes);
  const member = entered.value;
  if (member !== null && "type" in member && isRun) {
    newcomer.log(member);
    return 0;
  }
  if (member !== null && "type" in member)
    return print(explainAlone(base.hostname, member, request.value.kind === "dry-run" && request.value.json));
  if (member?.isRemoved) return idle(member, who.becomes, stopRequest.asked);
  const exitCode = await live({ ...base, request: request.value, hasInit, told, member, earlier });
  return member === null ? exitCode : afterLife(member, { exitCode, env, who, stopRequest });
}

/** What becomes of a member when its Ray has ended. */
function afterLife(
  member: Member,
  {
    exitCode,
    env,
    who,
    stopRequest,
  }: Pick<Newcomer, "env" | "who" | "stopRequest"> & { readonly exitCode: number },
): number | Promise<number> {
  if (stopRequest.signal === NEW_TOKEN) return startAgain(env);
  return member.isRemoved ? idle(member, who.becomes, stopRequest.urgent) : exitCode;
}

/** This process becomes a new run of this program. Where it cannot, it ends (EX_TEMPFAIL), and whoever started it starts it again. */
function startAgain(env: Newcomer["env"]): number {
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env);
  return 75;
}

interface Life extends Pick<Newcomer, "who" | "hostname" | "stopRequest"> {
  readonly request: Extract<Request, { kind: "run" }> | DryRun;
  readonly hasInit: boolean;
  readonly told: Told;
  /** Null: of no cluster of several machines. */
  readonly member: Member | null;
  /** What it logged before. */
  readonly earlier: readonly Event[];
}

/** Reads the configuration, looks at this machine, makes the real effects, and lets a node live with them. */
async function live({ request, who, hostname, stopRequest, ...life }: Life) {
  const { member } = life;
  const isRun = request.kind === "run";
  const { env, rayWords } = member?.told ?? life.told;
  const interfaces = readInterfaces();
  const tls = asUser(who.becomes, () => readTls(env));
  const surroundings = {
    ...{ env, hostname, rayWords, interfaces, isMember: member !== null },
    tokenFile: readTokenFile(env, who),
    healthTokenFile: readText(env.RAY_EP_HEALTH_TOKEN_FILE?.trim() ?? ""),
    tls: tls && { keys: tls, problems: await findTlsProblems(env, tls) },
  };
  const read = readConfig(surroundings);
  if (!read.ok) return refuse({ reason: "bad-configuration", problems: read.error }, isRun, who.becomes);
  const local = await probeLocal(who, read.value.values, env, stopRequest.asked);
  if (!local.ok) return refuse(local.error, isRun, who.becomes);
  const forRay = (each: Config): Config => ({ ...each, auth: authOfRay(each.auth, local.value.ray.version) });
  let config = forRay(read.value);

  const terminal = process.stdout.isTTY === true;
  const input = { config, local: local.value, env, terminal, stopRequest, runId: randomWord() };
  const limit = config.values.RAY_EP_LOG_LIMIT;
  const client: HealthClient | undefined = member?.client({
    onCandidates: (candidates) => {
      const next = readConfig({ ...surroundings, env: { ...env, HEAD_WHITELIST: candidates } });
      if (next.ok) config = forRay(next.value);
    },
    onRemoved: () => stopRequest.receive("removal"),
    onRayToken: () => stopRequest.receive(NEW_TOKEN),
    onEvent: (event) => deps.log(event),
  });
  const deps: Deps = realDeps(
    input,
    boundedWrite(toStdout, process.stdout.fd, limit, who.becomes),
    client,
    life.earlier,
  );
  if (request.kind === "dry-run")
    return print(await explain(input, deps, member?.introduction ?? [], request));
  const isOpen = config.auth.token !== null && config.healthToken === null;
  const first: Event[] = [
    { type: "started", version: __VERSION__, node: config.node, pid: process.pid },
    ...(member?.introduction ?? []),
    ...introduction(input),
    ...(life.hasInit ? [] : [NO_INIT]),
    ...(isOpen ? [OPEN_LEASE] : []),
  ];
  tellOwnNames(config, interfaces ?? [], deps.log);
  return new Node({ ...input, newestConfig: () => config, introduction: first }, deps).live();
}

/** A member that was removed waits for its container's end: to end by itself would be a restart. */
async function idle(member: Member, user: RayUser | null, stop: AbortSignal): Promise<number> {
  sayAlone(member.goodbye, toStdout, user);
  // Signals alone keep no process alive.
  const alive = setInterval(() => {}, 3_600_000);
  await aborted(stop, new AbortController().signal);
  clearInterval(alive);
  return 0;
}

/** From the kernel itself (random(4)): loading node:crypto takes a tenth of a decision. Other systems have no such file. */
function randomWord(): string {
  return readText("/proc/sys/kernel/random/uuid")?.trim() ?? crypto.randomUUID();
}

function print({ text, exitCode = 0 }: { text: string; exitCode?: number }): number {
  toStdout(text);
  return exitCode;
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
