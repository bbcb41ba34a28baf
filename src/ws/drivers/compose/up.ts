import { mkdirSync } from "node:fs";
import { err, ok, type Result } from "../../../common/result.ts";
import { refusalOf } from "../../cluster/token-refusal.ts";
import type { Generated } from "../../compose/generate.ts";
import { marked, replaceFile } from "../../compose/own-file.ts";
import { foreignFiles, generateHere, writeComposeFiles } from "../../compose/write-files.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { keepSecrets } from "../../state/secrets.ts";
import type { Job, UpOptions, UpReport } from "../runtime.ts";
import { blockedBy, hasMoved, silentEngine } from "./blocked.ts";
import { type DockerCluster, openDockerCluster, ownHeads } from "./cluster.ts";
import { type Container, listContainers } from "./containers.ts";
import { endingWith } from "./engine.ts";
import { ensureImages } from "./images.ts";
import { dropKeptLogs } from "./kept-logs.ts";
import { lookAround } from "./neighbours.ts";
import { planDocker } from "./plan.ts";
import { reportCluster } from "./report.ts";
import { start } from "./start.ts";
import { stopAndRemove, takeDown } from "./take-down.ts";

/**
 * Brings the containers in line with config.yaml. It changes nothing before it has checked that ports, names and
 * subnets are free, and before `agree` has accepted the plan for what runs.
 */
export async function up(
  cluster: DockerCluster,
  job: Job,
  { build, agree, begin }: UpOptions,
): Promise<Result<UpReport, WsFailure>> {
  const asked = endingWith(cluster, job.signal);
  const prepared = await prepareFiles(cluster);
  if (!prepared.ok) return prepared;
  const generated = prepared.value;
  const refusal = await tokenRefusal(asked);
  if (refusal !== undefined) return err(refusal);
  const former = formerCluster(cluster);
  const looked = await lookAround(asked.engine);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!looked.ok) return err({ reason: "machine-not-ready", problems: [silentEngine(looked.error)] });
  const around = looked.value;
  const blocked = blockedBy(cluster, generated.plan, "main", around);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (blocked.length > 0) return err({ reason: "machine-not-ready", problems: blocked });
  const planned = await planDocker(asked, former && endingWith(former, job.signal), build);
  if (job.signal.aborted) return err(interrupted(job.signal));
  if (!planned.ok) return planned;
  const agreed = await agree(planned.value.plan);
  if (!agreed.ok) return agreed;
  const written = await writeComposeFiles(generated, cluster, { check: false });
  if (!written.ok) return written;
  const images = await ensureImages(asked, job, build);
  if (!images.ok) return images;
  const cleared = await clear(cluster, job, {
    former,
    unwanted: planned.value.unwanted,
    moved: hasMoved(cluster, around),
  });
  if (!cleared.ok) return cleared;
  begin();
  const bringBack = keepSecrets(cluster.stateDir, "docker", cluster.env);
  dropKeptLogs(cluster);
  const started = await start(cluster, job, "main", {});
  if (!started.ok) {
    bringBack();
    return started;
  }
  const report = await reportCluster(asked);
  if (!report.ok) return report;
  return ok({ started: started.value, cluster: report.value, warnings: generated.warnings });
}

/**
 * The compose files that compose reads, in ws's own folder: those beside config.yaml may be changed by a user or
 * another ws during the run.
 */
export async function prepareFiles(cluster: DockerCluster): Promise<Result<Generated, WsFailure>> {
  const generated = generateHere(cluster.settings, cluster);
  if (!generated.ok) return generated;
  const folders = [cluster.configFolder, cluster.state];
  const foreign = await Promise.all(folders.map((folder) => foreignFiles(generated.value, folder)));
  if (foreign.flat().length > 0) return err({ reason: "not-our-files", files: foreign.flat() });
  mkdirSync(cluster.state, { recursive: true });
  for (const { name, text } of generated.value.files) await replaceFile(cluster.state, name, marked(text));
  return generated;
}

/** The failure if our cluster refuses our token. */
async function tokenRefusal(cluster: DockerCluster): Promise<WsFailure | undefined> {
  const containers = await listContainers(cluster);
  return containers.ok ? refusalOf(ownHeads(cluster, containers.value)) : undefined;
}

/** The cluster that was started under an earlier project.name. */
function formerCluster(cluster: DockerCluster): DockerCluster | undefined {
  const { formerProject, settings } = cluster;
  if (formerProject === undefined) return undefined;
  return openDockerCluster({ ...cluster, settings: { ...settings, projectName: formerProject } });
}

interface Leaving {
  readonly former: DockerCluster | undefined;
  readonly unwanted: readonly Container[];
  /** The network exists with another subnet. */
  readonly moved: boolean;
}

/** Removes what would block the start or run on unnoticed. The plan that the user accepted includes it. */
async function clear(
  cluster: DockerCluster,
  { progress, signal }: Job,
  { former, unwanted, moved }: Leaving,
): Promise<Result<void, WsFailure>> {
  const whole = { part: undefined, volumes: false };
  if (former !== undefined || moved) {
    const target = former ?? cluster;
    progress.begin("clear", `Stopping the cluster ${target.projectName}`);
    const gone = await takeDown(target, whole, signal, { progress, id: "clear" });
    if (!gone.ok) return gone;
    progress.done("clear", `Stopped the cluster ${target.projectName}`);
  }
  if (unwanted.length > 0 && !moved) {
    const names = unwanted.map(({ service }) => service).join(", ");
    progress.begin("unwanted", `Stopping ${names}`);
    const gone = await stopAndRemove(cluster, unwanted, signal, { progress, id: "unwanted" });
    if (!gone.ok) return gone;
    progress.done("unwanted", `Stopped ${names}`);
  }
  return signal.aborted ? err(interrupted(signal)) : ok(undefined);
}
