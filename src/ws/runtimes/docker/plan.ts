import { err, ok, type Result } from "../../../common/result.ts";
import { findHeads } from "../../cluster-view.ts";
import type { WsFailure } from "../../failure.ts";
import { HEALTH_NAME } from "../../settings.ts";
import { planUp, type RunningService, type UpPlan } from "../up-plan.ts";
import { likelyCause } from "./causes.ts";
import { type DockerCluster, refused, runCompose, servicesOf } from "./cluster.ts";
import { type Container, isFromElsewhere, listContainers } from "./containers.ts";
import { buildReasons, imageIds } from "./images.ts";

/** What is compared to tell whether a container stays: what compose itself compares, and what the images are made from. */
interface Wanted {
  readonly service: string;
  /** Why its image has to be made; undefined: it is as it should be. */
  readonly build: string | undefined;
  readonly imageId: string | undefined;
  readonly configHash: string | undefined;
}

export interface DockerPlan {
  readonly plan: UpPlan;
  /** Containers of this project that config.yaml does not want any more. */
  readonly unwanted: readonly Container[];
  /** Containers that were started under an earlier project.name. */
  readonly former: readonly Container[];
}

/** Looks at what runs and works out what `ws up` would do to it; changes nothing. `former` is the cluster of an earlier project.name. */
export async function planDocker(
  cluster: DockerCluster,
  former: DockerCluster | undefined,
  build: boolean,
): Promise<Result<DockerPlan, WsFailure>> {
  const [own, others, wanted] = await Promise.all([
    listContainers(cluster, "main"),
    former === undefined ? Promise.resolve(ok<Container[]>([])) : listContainers(former),
    wantedServices(cluster, build),
  ]);
  for (const each of [own, others]) if (!each.ok) return refused(each, likelyCause);
  if (!wanted.ok) return wanted;
  if (!own.ok || !others.ok) throw new Error("both were looked at above");
  const running = [...own.value, ...others.value].filter(isUp);
  const head = await headOf(cluster, running);
  const ofFormer = new Set(others.value.map(({ id }) => id));
  const services = running.map((container): RunningService => {
    const renamed = ofFormer.has(container.id);
    return {
      name: renamed ? container.name : container.service,
      isNode: container.headPort !== undefined,
      isHead: head === undefined ? undefined : container.id === head,
      change: renamed
        ? { action: "stop", why: `project.name was ${former?.projectName} when it was started` }
        : changeOf(
            container,
            wanted.value.find(({ service }) => service === container.service),
            cluster.configFolder,
          ),
    };
  });
  const names = wanted.value.map(({ service }) => service);
  return ok({
    plan: planUp(names, services),
    unwanted: own.value.filter(({ service }) => !names.includes(service)),
    former: others.value,
  });
}

/** A container that is restarted again and again runs as well: what it holds is on its way. */
const isUp = ({ running, status }: Container): boolean =>
  running || ["restarting", "paused"].includes(status);

async function wantedServices(cluster: DockerCluster, build: boolean): Promise<Result<Wanted[], WsFailure>> {
  const services = servicesOf(cluster, "main");
  const [hashed, reasons, ids] = await Promise.all([
    runCompose(cluster, "main", ["config", "--hash", services.join(",")]),
    buildReasons(cluster, services),
    imageIds(cluster, services),
  ]);
  if (!hashed.ok) return refused(err(hashed.error), likelyCause);
  const hashes = new Map(
    [...hashed.value.matchAll(/^(\S+) ([0-9a-f]{64})\s*$/gm)].map(([, name = "", hash = ""]) => [name, hash]),
  );
  return ok(
    services.map((service, i) => ({
      service,
      build: reasons[i] ?? (build ? "--build" : undefined),
      imageId: ids[i],
      configHash: hashes.get(service),
    })),
  );
}

/** What has to become of a container that runs; undefined: it stays. Pure. */
export function changeOf(
  { imageId, configHash, folder }: Pick<Container, "imageId" | "configHash" | "folder">,
  wanted: Wanted | undefined,
  configFolder: string,
): RunningService["change"] {
  if (wanted === undefined) return { action: "stop", why: "config.yaml does not want it any more" };
  const replace = (why: string) => ({ action: "replace", why }) as const;
  if (wanted.build !== undefined) return replace(`its image is made anew: ${wanted.build}`);
  if (wanted.imageId !== undefined && wanted.imageId !== imageId) return replace("its image was made anew");
  if (wanted.configHash === configHash) return undefined;
  return replace(
    isFromElsewhere({ folder }, configFolder)
      ? `it was started from ${folder}, with other settings`
      : "config.yaml, ws or the shell's tokens changed since it was started",
  );
}

/** The id of the container whose GCS answers, at the port that it was started with; undefined where none does. */
async function headOf(cluster: DockerCluster, running: readonly Container[]): Promise<string | undefined> {
  const nodes = running.flatMap(({ id, service, headPort }) =>
    headPort === undefined || service === HEALTH_NAME ? [] : [{ id, port: headPort }],
  );
  const headAddresses = nodes.map(({ port }) => ({ host: cluster.here, port }));
  const [head] = await findHeads({ ...cluster, headAddresses });
  return nodes.find(({ port }) => port === head?.address.port)?.id;
}
