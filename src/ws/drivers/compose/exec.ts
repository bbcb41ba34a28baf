import { type Address, formatAddress } from "../../../common/address.ts";
import { err, type Result } from "../../../common/result.ts";
import { mainComposeFile } from "../../compose/main-file.ts";
import { containerName } from "../../compose/names.ts";
import { testComposeFile } from "../../compose/test-file.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { COMMAND_TIMEOUT_MS } from "../run-program.ts";
import type { Refusal } from "./engine.ts";
import { hostPlanOf, type Project } from "./project.ts";

function exec(
  { engine, settings }: Project,
  service: string,
  user: string | undefined,
  command: readonly string[],
): Promise<Result<string, Refusal>> {
  const as = user === undefined ? [] : ["--user", user];
  const words = ["exec", ...as, containerName(settings, service), ...command];
  return engine.docker(words, { timeoutMs: COMMAND_TIMEOUT_MS });
}

/** `docker exec`, as a person types it. */
export async function execIn(
  project: Project,
  service: string,
  command: readonly string[],
): Promise<Result<string, string>> {
  const [program = "", first = ""] = command;
  // Only root may become somebody else without a password.
  const done = await exec(project, service, program === "su" ? "root" : undefined, command);
  if (done.ok) return done;
  const last = done.error.lines.slice(-3).join(" / ") || "it failed without a word";
  return err(`${program} ${first.slice(0, 20)}: ${last}`);
}

/** Whom Ray runs as in the Ray images. The engine gives even root no look into another user's process. */
const RAY_USER = "ray";
/** The raylet is the part that runs the user's work; its environment is what its workers get. */
const RAYLET_ENVIRONMENT = `
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < "$process/cmdline") in */raylet/raylet\\ *) cat "$process/environ"; exit 0 ;; esac
done 2>/dev/null
echo "no raylet runs" >&2
exit 1`;

export async function rayletEnvironment(project: Project, service: string): Promise<Result<string, string>> {
  const done = await exec(project, service, RAY_USER, ["sh", "-c", RAYLET_ENVIRONMENT]);
  return done.ok ? done : err(done.error.lines.at(-1) ?? "its environment cannot be read");
}

/** What the compose files say; the values that compose takes from elsewhere are not judged by them. */
export function toldIn(project: Project, service: string, head: Address): Readonly<Record<string, string>> {
  const plan = hostPlanOf(project);
  if (!plan.ok) return {};
  const isTest = service === TEST_WORKER_NAME;
  const file = (isTest ? testComposeFile : mainComposeFile)(project.settings, plan.value);
  const told = Object.entries(file.services[service]?.environment ?? {}).flatMap(([name, value]) =>
    // Compose's own mark for a dollar sign.
    value === null ? [] : [[name, value.replaceAll("$$", "$")]],
  );
  return { ...Object.fromEntries(told), ...(isTest ? { HEAD_ADDRESS: formatAddress(head) } : {}) };
}

/** Compose gives a container what the machine has, which may be less than config.yaml wants. */
export function memoryIn(project: Project, service: string): number {
  const plan = hostPlanOf(project);
  if (!plan.ok) return 0;
  const node = [...plan.value.nodes, plan.value.testWorker].find(({ name }) => name === service);
  return node?.limits.memoryBytes ?? 0;
}
