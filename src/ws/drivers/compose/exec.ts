import { formatAddress } from "../../../common/address.ts";
import { err } from "../../../common/result.ts";
import { mainComposeFile, testComposeFile } from "../../compose/files.ts";
import { containerName } from "../../compose/names.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import type { Driver } from "../driver.ts";
import { COMMAND_TIMEOUT_MS } from "../run-program.ts";
import { hostPlanOf, type Project } from "./project.ts";

/** Whom Ray runs as in the Ray images. The engine gives even root no look into another user's process. */
const RAY_USER = "ray";
/** The raylet is the part that runs the user's work; its environment is what its workers get. */
const RAYLET_ENVIRONMENT = `
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < "$process/cmdline") in */raylet/raylet\\ *) cat "$process/environ"; exit 0 ;; esac
done 2>/dev/null
echo "no raylet runs" >&2
exit 1`;

/** What runs in containers, and what config.yaml wants of it. */
export function nodeVerbs(project: Project): Pick<Driver, "exec" | "environment" | "told" | "memoryOf"> {
  const { engine, settings } = project;
  const exec = (user: readonly string[], name: string, command: readonly string[]) =>
    engine.docker(["exec", ...user, containerName(settings, name), ...command], {
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  return {
    exec: async (name, command) => {
      const [program = "", first = ""] = command;
      // Only root may become somebody else without a password.
      const done = await exec(program === "su" ? ["--user", "root"] : [], name, command);
      if (done.ok) return done;
      const last = done.error.lines.slice(-3).join(" / ") || "it failed without a word";
      return err(`${program} ${first.slice(0, 20)}: ${last}`);
    },
    environment: async (name) => {
      const done = await exec(["--user", RAY_USER], name, ["sh", "-c", RAYLET_ENVIRONMENT]);
      return done.ok ? done : err(done.error.lines.at(-1) ?? "its environment cannot be read");
    },
    // What the compose files say; the values that compose takes from elsewhere are not judged by them.
    told: (name, head) => {
      const plan = hostPlanOf(project);
      if (!plan.ok) return {};
      const isTest = name === TEST_WORKER_NAME;
      const file = (isTest ? testComposeFile : mainComposeFile)(plan.value);
      const told = Object.entries(file.services[name]?.environment ?? {}).flatMap(([variable, value]) =>
        // Compose's own mark for a dollar sign.
        value === null ? [] : [[variable, value.replaceAll("$$", "$")]],
      );
      return { ...Object.fromEntries(told), ...(isTest ? { HEAD_ADDRESS: formatAddress(head) } : {}) };
    },
    // Compose gives a container what the machine has, which may be less than config.yaml wants.
    memoryOf: (name) => {
      const plan = hostPlanOf(project);
      const nodes = plan.ok ? [...plan.value.nodes, plan.value.test.worker] : [];
      return nodes.find((node) => node.name === name)?.limits.memoryBytes ?? 0;
    },
  };
}
