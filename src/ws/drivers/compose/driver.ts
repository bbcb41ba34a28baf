import { formatAddress } from "../../../common/address.ts";
import { err, ok } from "../../../common/result.ts";
import { mainComposeFile, testComposeFile } from "../../compose/files.ts";
import { containerName } from "../../compose/names.ts";
import { STOP_GRACE_S } from "../../compose/services.ts";
import { planHere, writeComposeFiles } from "../../compose/write-files.ts";
import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { accessOf, type Driver, servicesOf } from "../driver.ts";
import { COMMAND_TIMEOUT_MS } from "../run-program.ts";
import { LEFT_OUT } from "../working-folder.ts";
import { listContainers } from "./containers.ts";
import { CHANGE_MS, endingWith } from "./engine.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs, logVerbs } from "./logs.ts";
import { startOthers } from "./override.ts";
import { type Project, runCompose } from "./project.ts";
import { endVerbs } from "./remove.ts";
import { surveyProject } from "./survey.ts";

/** The services of config.yaml as containers of a Docker engine, through the compose files that `ws generate` writes. */
export function composeDriver(project: Project): Driver {
  const { settings, engine } = project;
  return {
    name: "docker",
    ...accessOf(project),
    noun: "container",
    isolated: true,
    // Each look starts programs of Docker's.
    lookEveryMs: 2000,
    stopGraceMs: STOP_GRACE_S * 1000,
    // Where the Ray images keep their Python.
    binDir: "/home/ray/anaconda3/bin",
    until: (signal) => composeDriver({ ...project, engine: endingWith(engine, signal), signal }),
    list: (part) => listContainers(project, part),
    ...startVerbs(project),
    ...endVerbs(project),
    ...logVerbs(project),
    ...nodeVerbs(project),
    hostOf: () => engine.host,
    openAt: () => {
      const plan = planHere(settings, project);
      const at = plan.ok ? plan.value.publishedAt : "all";
      return at === "all" ? "any address of this machine" : at.join(" or ");
    },
    inside: (address) => address,
    absent: (name) => {
      const shown =
        name === undefined
          ? { name: "–", status: "–" }
          : { name: containerName(settings, name), status: "none" };
      return { ref: shown.name, address: "–", container: shown };
    },
  };
}

/** How containers come to run. */
function startVerbs(project: Project): Pick<Driver, "survey" | "prepare" | "create" | "start"> {
  const { settings, engine } = project;
  return {
    survey: async (request) => {
      const survey = await surveyProject(project, request);
      if (!survey.ok) return survey;
      const { moved, ...found } = survey.value;
      const replaces = formerDriver(project) ?? (moved ? composeDriver(project) : undefined);
      return ok({ ...found, replaces: request.part === "main" ? replaces : undefined });
    },
    prepare: async (request, { stale }, job) => {
      const plan = planHere(settings, project);
      if (!plan.ok) return plan;
      // A member's file is in the state folder, where the survey has written it.
      const written = settings.machine
        ? plan
        : await writeComposeFiles(plan.value, project.configFolder, { check: false });
      return written.ok ? ensureImages(project, request, stale, job) : written;
    },
    create: async (request, signal) => {
      if (request.part === "main") dropKeptLogs(project);
      // What compose itself would wait for before a start are health checks, which come seconds apart.
      const words = ["up", "--no-start", "--no-build", ...servicesOf(settings, request.part)];
      const made = await runCompose(project, request, words, { signal });
      return made.ok ? startOthers(project, request, signal) : made;
    },
    // Side by side: the engine takes its time for a container's published ports.
    start: async (_, names, signal) => {
      const starting = names.map(async (name) => {
        const started = await engine.docker(["start", containerName(settings, name)], {
          signal,
          timeoutMs: CHANGE_MS,
        });
        return started.ok ? ok(undefined) : started;
      });
      const started = await Promise.all(starting);
      return started.find((each) => !each.ok) ?? ok(undefined);
    },
  };
}

/** The cluster that was started under an earlier project.name. */
function formerDriver({ formerProject: projectName, ...project }: Project): Driver | undefined {
  if (projectName === undefined) return undefined;
  return composeDriver({ ...project, settings: { ...project.settings, projectName } });
}

/** The raylet is the part that runs the user's work; its environment is what its workers get. */
const ofRaylet = (command: string) => `
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < "$process/cmdline") in */raylet/raylet\\ *) ${command}; exit 0 ;; esac
done 2>/dev/null
echo "no raylet runs" >&2
exit 1`;

/** The health service has none. */
const PROFILE = "profile=/opt/ray-entrypoint/profile.sh; [ ! -r $profile ] || . $profile";
/** The command has the PATH of the node's Ray, which an image of the user's need not have in its own. */
const WITH_PATH = ["sh", "-c", `${PROFILE}; exec "$@"`, "sh"];
/** A copy that is gone when the command has ended. */
const IN_COPY = `${PROFILE}; d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && cd "$d" && tar -xf - && "$@"`;
const EXCLUDES = LEFT_OUT.map((name) => `--exclude=${name}`).join(" ");

/** What runs in containers, and what config.yaml wants of it. */
function nodeVerbs(project: Project): Pick<Driver, "exec" | "typed" | "environment" | "expected"> {
  const { engine, settings } = project;
  const exec = (user: readonly string[], name: string, command: readonly string[]) =>
    engine.docker(["exec", ...user, containerName(settings, name), ...command], {
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  // The engine gives even root no look into another user's process, but shows whose it is.
  const rayUser = async (name: string) => {
    const uid = await exec(["--user", "root"], name, ["sh", "-c", ofRaylet('stat -c %u "$process"')]);
    return uid.ok ? ["--user", uid.value.trim()] : [];
  };
  return {
    typed: async (name, command, { terminal, folder }) => {
      const where = [...(await rayUser(name)), containerName(settings, name)];
      const there = [...(folder === undefined ? WITH_PATH : ["sh", "-c", IN_COPY, "sh"]), ...command];
      const words = ["docker", "exec", terminal ? "-it" : "-i", ...where, ...there];
      const copying = ["sh", "-c", `tar -C "$0" ${EXCLUDES} -cf - . | "$@"`, folder ?? ""];
      return { words: folder === undefined ? words : [...copying, ...words], env: project.env };
    },
    exec: async (name, command) => {
      const [program = "", first = ""] = command;
      // Only root may become somebody else without a password.
      const user = program === "su" ? ["--user", "root"] : [];
      const done = await exec(user, name, [...WITH_PATH, ...command]);
      if (done.ok) return done;
      const last = done.error.lines.slice(-3).join(" / ") || "it failed without a word";
      return err(`${program} ${first.slice(0, 20)}: ${last}`);
    },
    environment: async (name) => {
      const done = await exec(await rayUser(name), name, ["sh", "-c", ofRaylet('cat "$process/environ"')]);
      return done.ok ? done : err(done.error.lines.at(-1) ?? "its environment cannot be read");
    },
    // What the compose files say; the values that compose takes from elsewhere are not judged by them.
    expected: (name, head) => {
      const plan = planHere(settings, project);
      if (!plan.ok) return { environment: {}, memoryBytes: 0 };
      const isTest = name === TEST_WORKER_NAME;
      const file = (isTest ? testComposeFile : mainComposeFile)(plan.value);
      const told = Object.entries(file.services[name]?.environment ?? {}).flatMap(([variable, value]) =>
        // Compose's own mark for a dollar sign.
        value === null ? [] : [[variable, value.replaceAll("$$", "$")]],
      );
      const node = [...plan.value.nodes, plan.value.test.worker].find((each) => each.name === name);
      return {
        environment: {
          ...Object.fromEntries(told),
          ...(isTest ? { HEAD_ADDRESS: formatAddress(head) } : {}),
        },
        // What the machine has may be less than config.yaml wants.
        memoryBytes: node?.limits.memoryBytes ?? 0,
      };
    },
  };
}
