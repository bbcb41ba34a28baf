import { err, ok } from "../../../common/result.ts";
import { IMAGE_LABEL, type Part, STATE_FOLDER, stateVolumeName } from "../../compose/names.ts";
import { nodeImage } from "../../compose/services.ts";
import { planHere } from "../../compose/write-files.ts";
import type { Attempt } from "../../failure.ts";
import type { Driver, Leaving } from "../driver.ts";
import { labelFilters, listContainers } from "./containers.ts";
import { CHANGE_MS } from "./engine.ts";
import { dropKeptLogs } from "./logs.ts";
import type { Project } from "./project.ts";

/** What an engine gives a container that did not stop in time (128 + SIGKILL). */
const KILLED = "137";

/** Beside the store; the entrypoint keeps the last two (its state-folder.ts). Says so where there is one. */
const PUT_ASIDE = `cd ${STATE_FOLDER} && [ -e gcs ] || exit 0
mv gcs "gcs-aside-$(date -u +%Y-%m-%dT%H-%M-%SZ)" && echo aside`;

/** How containers end. */
export function endVerbs(project: Project): Pick<Driver, "stop" | "remove" | "resetState" | "kept"> {
  const { docker } = project.engine;
  return {
    stop: async (services, now) => {
      // A paused container cannot stop by itself.
      const ids = services.filter(({ status }) => status !== "paused").map(({ ref }) => ref);
      if (ids.length === 0) return 0;
      await docker(["stop", ...ids], { signal: now, timeoutMs: CHANGE_MS });
      const codes = await docker(["inspect", "--format", "{{.State.ExitCode}}", ...ids]);
      return codes.ok ? codes.value.split("\n").filter((code) => code === KILLED).length : 0;
    },
    // What carries the project's label, whoever made it and whatever config.yaml says now; nothing without it is touched.
    remove: async (leaving) => {
      const found = await listContainers(project, leaving.part);
      if (!found.ok) return found;
      const containers = found.value.filter(({ name }) => leaving.names?.includes(name) ?? true);
      const ids = containers.map(({ ref }) => ref);
      const removed = await removeAll(project, ["rm", "--force", "--volumes"], ids);
      const rest = removed.ok ? await removeRest(project, leaving) : removed;
      return rest.ok ? ok({ names: containers.map(({ name }) => name), killed: 0 }) : rest;
    },
    resetState: async (name) => {
      const plan = planHere(project.settings, project);
      if (!plan.ok) return plan;
      const volume = stateVolumeName(project.settings, name);
      // The engine would make one for the container, without our label.
      const there = await docker(["volume", "ls", "--quiet", "--filter", `name=^${volume}$`]);
      if (!there.ok) return there;
      if (there.value.trim() === "") return ok(false);
      const { image } = nodeImage(plan.value, name);
      const where = ["--network", "none", "--volume", `${volume}:${STATE_FOLDER}`];
      const words = ["run", "--rm", ...where, "--entrypoint", "sh", image];
      const done = await docker([...words, "-c", PUT_ASIDE], { timeoutMs: CHANGE_MS });
      return done.ok ? ok(done.value.trim() !== "") : done;
    },
    kept: async () => {
      const label = `label=${IMAGE_LABEL}=${project.settings.projectName}`;
      const removing = project.settings.machine ? "ws leave" : "ws down -v";
      const images = ["image", "ls", "--format", "{{.Repository}}", "--filter", "dangling=false"];
      const lists: readonly (readonly [string, readonly string[], string])[] = [
        ["volumes", ["volume", "ls", "--quiet", ...labelFilters(project.settings)], removing],
        ["images", [...images, "--filter", label], `docker image prune --all --filter ${label}`],
      ];
      const kept = lists.map(async ([what, list, remove]) => {
        const listed = await docker(list);
        const names = listed.ok ? listed.value.split("\n").filter(Boolean) : [];
        return names.length > 0 ? [{ what: `${what} ${names.toSorted().join(", ")}`, remove }] : [];
      });
      return (await Promise.all(kept)).flat();
    },
  };
}

async function removeRest(project: Project, { part, names, volumes }: Leaving): Attempt {
  if (names !== undefined) {
    // After a failed start: another container may still need the network.
    const left = part && (await listContainers(project, part));
    if (left?.ok && left.value.length === 0) await removeLabelled(project, "network", part);
    return ok(undefined);
  }
  const networks = await removeLabelled(project, "network", part);
  if (!networks.ok || !volumes) return networks;
  const gone = await removeLabelled(project, "volume", part);
  // Those of a member go with its folder, or stay where its join has failed.
  if (gone.ok && !project.settings.machine) dropKeptLogs(project);
  return gone;
}

async function removeLabelled(project: Project, kind: "network" | "volume", part: Part | undefined): Attempt {
  const { engine, settings } = project;
  const listed = await engine.docker([kind, "ls", "--quiet", ...labelFilters(settings, part)]);
  if (!listed.ok) return listed;
  const names = listed.value.split("\n").filter((line) => /^[\w.-]+$/.test(line));
  return removeAll(project, [kind, "rm"], names);
}

/** A container that is gone already is what was wanted. */
async function removeAll(project: Project, words: readonly string[], names: readonly string[]): Attempt {
  if (names.length === 0) return ok(undefined);
  const removed = await project.engine.docker([...words, ...names], { timeoutMs: CHANGE_MS });
  if (removed.ok || removed.error.lines.every((line) => /No such container|^[0-9a-f]{64}$/.test(line)))
    return ok(undefined);
  const inUse = removed.error.lines.some((line) => /active endpoints|is in use|has containers/.test(line));
  const cause = inUse
    ? "containers that are not ours still use it; stop or disconnect them, then run ws down again"
    : undefined;
  return err({ ...removed.error, cause });
}
