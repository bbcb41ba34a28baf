import { err, ok, type Result } from "../../../common/result.ts";
import { findHeads } from "../../cluster-view.ts";
import type { WsFailure } from "../../failure.ts";
import { HEALTH_NAME } from "../../settings.ts";
import { likelyCause } from "../causes.ts";
import { planUp, type RunningService, type UpPlan } from "../up-plan.ts";
import { type DockerCluster, refused, runCompose, servicesOf } from "./cluster.ts";
import { type Container, isFromElsewhere, listContainers } from "./containers.ts";
import { buildReasons, imageIds } from "./images.ts";

/** What decides whether a container stays: what compose itself compares, and what the images are made from. */
interface Wanted {
  readonly service: string;
  /** Why its image must be built; undefined if it is up to date. */
  readonly build: string | undefined;
  readonly imageId: string | undefined;
  readonly configHash: string | undefined;
}

export interface DockerPlan {
  readonly plan: UpPlan;
  /** Containers of this project that config.yaml no longer has. */
  readonly unwanted: readonly Container[];
}

/**
 * Finds out what runs and what `ws up` would do to it; changes nothing. `former` is the cluster of an earlier
 * project.name.
 */
export async function planDocker(
  cluster: DockerCluster,
  former: DockerCluster | undefined,
  build: boolean,
): Promise<Result<DockerPlan, WsFailure>> {
  const [own, renamed, wanted] = await Promise.all([
    listContainers(cluster, "main"),
    former === undefined ? Promise.resolve(ok<Container[]>([])) : listContainers(former),
    wantedServices(cluster, build),
  ]);
  if (!own.ok) return refused(own, likelyCause);
  if (!renamed.ok) return refused(renamed, likelyCause);
  if (!wanted.ok) return wanted;
  const head = await headOf(cluster, [...own.value, ...renamed.value].filter(isUp));
  const seen = (name: string, { id, headPort }: Container, change: RunningService["change"]) => ({
    name,
    isNode: headPort !== undefined,
    isHead: head === undefined ? undefined : id === head,
    change,
  });
  const why = `project.name was ${former?.projectName} when it was started`;
  const names = wanted.value.map(({ service }) => service);
  const running = [
    ...own.value.filter(isUp).map((each) => {
      const target = wanted.value.find(({ service }) => service === each.service);
      return seen(each.service, each, changeOf(each, target, cluster.configFolder));
    }),
    ...renamed.value.filter(isUp).map((each) => seen(each.name, each, { action: "stop", why })),
  ];
  const unwanted = own.value.filter(({ service }) => !names.includes(service));
  return ok({ plan: planUp(names, running), unwanted });
}

/** A container that restarts again and again counts as running: it will take its ports again. */
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

/** What to do with a running container; undefined: it stays. Pure. */
export function changeOf(
  { imageId, configHash, folder }: Pick<Container, "imageId" | "configHash" | "folder">,
  wanted: Wanted | undefined,
  configFolder: string,
): RunningService["change"] {
  if (wanted === undefined) return { action: "stop", why: "config.yaml no longer asks for it" };
  const replace = (why: string) => ({ action: "replace", why }) as const;
  if (wanted.build !== undefined) return replace(`its image is rebuilt: ${wanted.build}`);
  if (wanted.imageId !== undefined && wanted.imageId !== imageId) return replace("its image was rebuilt");
  if (wanted.configHash === configHash) return undefined;
  return replace(
    isFromElsewhere({ folder }, configFolder)
      ? `it was started from ${folder}, with other settings`
      : "config.yaml, ws or the shell's tokens changed since it was started",
  );
}

/** The id of the container whose GCS answers, at the port that it was started with; undefined if none does. */
async function headOf(cluster: DockerCluster, running: readonly Container[]): Promise<string | undefined> {
  const nodes = running.flatMap(({ id, service, headPort }) =>
    headPort === undefined || service === HEALTH_NAME ? [] : [{ id, port: headPort }],
  );
  const headAddresses = nodes.map(({ port }) => ({ host: cluster.here, port }));
  const [head] = await findHeads({ ...cluster, headAddresses });
  return nodes.find(({ port }) => port === head?.address.port)?.id;
}
