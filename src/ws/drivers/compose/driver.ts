import { homedir } from "node:os";
import { authIn } from "../../../common/auth-token.ts";
import { ok, type Result } from "../../../common/result.ts";
import { readTls } from "../../../gcs/tls.ts";
import { containerName } from "../../compose/names.ts";
import { STOP_GRACE_S } from "../../compose/services.ts";
import { generateHere, writeComposeFiles } from "../../compose/write-files.ts";
import type { WsFailure } from "../../failure.ts";
import { type Driver, type Request, servicesOf } from "../driver.ts";
import { listContainers } from "./containers.ts";
import { CHANGE_MS, type CommandOptions, endingWith } from "./engine.ts";
import { execIn, memoryIn, rayletEnvironment, toldIn } from "./exec.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs, hasKeptLog, keepLog, readKeptLog } from "./kept-logs.ts";
import { followContainer, readContainer, readStatus } from "./logs.ts";
import { hostPlanOf, type Project, refused, runCompose } from "./project.ts";
import { removeLeaving, stopContainers } from "./remove.ts";
import { serviceOf } from "./services.ts";
import { surveyProject, variablesOf } from "./survey.ts";

/** The services of config.yaml as containers of a Docker engine, through the compose files that `ws generate` writes. */
export function composeDriver(project: Project): Driver {
  const { settings, env, stateDir, engine } = project;
  const driver: Driver = {
    name: "docker",
    settings,
    env,
    stateDir,
    token: authIn(env, env.HOME || homedir()).token,
    tls: readTls(env),
    noun: "container",
    // Each look starts programs of Docker's.
    lookEveryMs: 400,
    stopGraceMs: STOP_GRACE_S * 1000,
    // Where the Ray images keep their Python.
    binDir: "/home/ray/anaconda3/bin",
    until: (signal) => composeDriver({ ...endingWith(project, signal), signal }),
    list: async (part) => {
      const found = await listContainers(project, part);
      return found.ok ? ok(found.value.map((each) => serviceOf(each, project))) : refused(project, found);
    },
    survey: async (request) => {
      const survey = await surveyProject(project, request);
      if (!survey.ok) return survey;
      const { changed, moved, generated } = survey.value;
      const replaces =
        request.part === "main" ? (formerDriver(project) ?? (moved ? driver : undefined)) : undefined;
      return ok({ changed, replaces, warnings: generated.plan.warnings });
    },
    prepare: async ({ build }, job) => {
      const generated = generateHere(settings, project);
      if (!generated.ok) return generated;
      const written = await writeComposeFiles(generated.value, project, { check: false });
      return written.ok ? ensureImages(project, job, build) : written;
    },
    create: async (request, signal) => {
      if (request.part === "main") dropKeptLogs(project);
      return create(project, request, signal);
    },
    start: async (_, names, signal) => {
      const containers = names.map((name) => containerName(settings, name));
      const words = ["start", ...containers];
      const started = await engine.docker(words, { signal, timeoutMs: CHANGE_MS });
      return started.ok ? ok(undefined) : refused({ signal }, started);
    },
    stop: (services, now) => stopContainers(project, services, now),
    remove: (leaving) => removeLeaving(project, leaving),
    log: (ref, part) => readContainer(engine, ref, part),
    status: (ref) => readStatus(engine, ref),
    readLog: (name, found, request, signal) => {
      if (found !== undefined) return followContainer(name, found.ref, request, env, signal);
      return hasKeptLog(project, name) ? readKeptLog(project, name, request, signal) : undefined;
    },
    keepLog: (name, found, instead) => keepLog(project, name, found?.ref, instead),
    exec: (name, command) => execIn(project, name, command),
    environment: (name) => rayletEnvironment(project, name),
    told: (name, head) => toldIn(project, name, head),
    memoryOf: (name) => memoryIn(project, name),
    hostOf: () => engine.host,
    inside: (address) => address,
    refOf: (name) => containerName(settings, name),
    absent: (name) => ({
      address: "–",
      container:
        name === undefined
          ? { name: "–", status: "–" }
          : { name: containerName(settings, name), status: "none" },
    }),
  };
  return driver;
}

/** The cluster that was started under an earlier project.name. */
function formerDriver({ formerProject: projectName, ...project }: Project): Driver | undefined {
  if (projectName === undefined) return undefined;
  return composeDriver({ ...project, settings: { ...project.settings, projectName } });
}

/** What compose itself would wait for before a start are health checks, which come seconds apart: it only makes the containers. */
async function create(
  project: Project,
  request: Request,
  signal: AbortSignal,
): Promise<Result<void, WsFailure>> {
  const plan = hostPlanOf(project);
  if (!plan.ok) return plan;
  const options: CommandOptions = { signal, env: variablesOf(request, plan.value) };
  const words = ["up", "--no-start", "--no-build", ...servicesOf(project.settings, request.part)];
  const made = await runCompose(project, request.part, words, options);
  return made.ok ? ok(undefined) : refused({ signal }, made);
}
