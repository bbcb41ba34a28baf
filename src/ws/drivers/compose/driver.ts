import { homedir } from "node:os";
import { authIn } from "../../../common/auth-token.ts";
import { ok } from "../../../common/result.ts";
import { readTls } from "../../../gcs/tls.ts";
import { containerName } from "../../compose/names.ts";
import { STOP_GRACE_S } from "../../compose/services.ts";
import { generateHere, writeComposeFiles } from "../../compose/write-files.ts";
import { type Driver, servicesOf } from "../driver.ts";
import { listContainers } from "./containers.ts";
import { CHANGE_MS, endingWith } from "./engine.ts";
import { nodeVerbs } from "./exec.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs, logVerbs } from "./logs.ts";
import { type Project, runCompose } from "./project.ts";
import { endVerbs } from "./remove.ts";
import { surveyProject } from "./survey.ts";

/** The services of config.yaml as containers of a Docker engine, through the compose files that `ws generate` writes. */
export function composeDriver(project: Project): Driver {
  const { settings, env, stateDir, engine } = project;
  const container = (name: string) => containerName(settings, name);
  const driver: Driver = {
    name: "docker",
    settings,
    env,
    stateDir,
    token: authIn(env, env.HOME || homedir()).token,
    tls: readTls(env),
    noun: "container",
    isolated: true,
    // Each look starts programs of Docker's.
    lookEveryMs: 400,
    stopGraceMs: STOP_GRACE_S * 1000,
    // Where the Ray images keep their Python.
    binDir: "/home/ray/anaconda3/bin",
    until: (signal) => composeDriver({ ...project, engine: endingWith(engine, signal), signal }),
    list: (part) => listContainers(project, part),
    survey: async (request) => {
      const survey = await surveyProject(project, request);
      if (!survey.ok) return survey;
      const { moved, ...found } = survey.value;
      const replaces = formerDriver(project) ?? (moved ? driver : undefined);
      return ok({ ...found, replaces: request.part === "main" ? replaces : undefined });
    },
    prepare: async (request, job) => {
      const generated = generateHere(settings, project);
      if (!generated.ok) return generated;
      const written = await writeComposeFiles(generated.value, project, { check: false });
      return written.ok ? ensureImages(project, request, job) : written;
    },
    create: async (request, signal) => {
      if (request.part === "main") dropKeptLogs(project);
      // What compose itself would wait for before a start are health checks, which come seconds apart.
      const words = ["up", "--no-start", "--no-build", ...servicesOf(settings, request.part)];
      const made = await runCompose(project, request, words, { signal });
      return made.ok ? ok(undefined) : made;
    },
    start: async (_, names, signal) => {
      const words = ["start", ...names.map(container)];
      const started = await engine.docker(words, { signal, timeoutMs: CHANGE_MS });
      return started.ok ? ok(undefined) : started;
    },
    ...endVerbs(project),
    ...logVerbs(project),
    ...nodeVerbs(project),
    hostOf: () => engine.host,
    inside: (address) => address,
    refOf: container,
    absent: (name) => ({
      address: "–",
      container: name === undefined ? { name: "–", status: "–" } : { name: container(name), status: "none" },
    }),
  };
  return driver;
}

/** The cluster that was started under an earlier project.name. */
function formerDriver({ formerProject: projectName, ...project }: Project): Driver | undefined {
  if (projectName === undefined) return undefined;
  return composeDriver({ ...project, settings: { ...project.settings, projectName } });
}
