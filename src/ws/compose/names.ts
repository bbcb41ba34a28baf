import { isDeepStrictEqual } from "node:util";
import type { Settings } from "../config/settings.ts";

/** The files that `ws generate` writes, beside config.yaml. */
export const COMPOSE_FILE = "compose.yaml";
export const TEST_COMPOSE_FILE = "cluster-test.compose.yaml";
/** What users write themselves; compose knows it by this name. */
export const OVERRIDE_FILE = "compose.override.yaml";

/** Labels on everything that is ours: what carries the project's is removed by `ws down`, and nothing else. */
export const PROJECT_LABEL = "io.ray-entrypoint.project";
export const PART_LABEL = "io.ray-entrypoint.part";
/** What an image was made from: the Ray image below it, and a digest of the files that it got from the checkout. */
export const BASE_LABEL = "io.ray-entrypoint.base";
export const SOURCE_LABEL = "io.ray-entrypoint.source";

/** The variables in which ws tells compose these digests: in the file itself they would change with each build of dist/. */
export const NODE_SOURCE_VARIABLE = "WS_NODE_SOURCE";
export const HEALTH_SOURCE_VARIABLE = "WS_HEALTH_SOURCE";

export type Part = "main" | "test";
/** The part of services that are the user's alone: they count nowhere where nodes are compared with config.yaml. */
export const OTHER = "other";

export const labelsOf = ({ projectName, projectVersion }: Settings, part: Part) => ({
  [PROJECT_LABEL]: projectName,
  [PART_LABEL]: part,
  "io.ray-entrypoint.version": projectVersion && literal(projectVersion),
});

/** Another word than on containers: a container that a user starts from our image inherits it, and is not ours. */
export const IMAGE_LABEL = "io.ray-entrypoint.image-of";
export const imageLabels = ({ projectName }: Settings, sourceVariable: string) => ({
  [IMAGE_LABEL]: projectName,
  [SOURCE_LABEL]: `\${${sourceVariable}:-}`,
});

/** Compose would take `$name` for a variable. */
export const literal = (text: string): string => text.replaceAll("$", "$$$$");

/** `docker compose -p`: two projects, so that neither calls the other's containers orphans. */
export const composeProject = ({ projectName }: Settings, part: Part): string =>
  part === "main" ? projectName : `${projectName}-test`;

/** Each compose file has one network, by this name in the file. */
export const NETWORKS = { main: "ray-network", test: "test-network" } as const;

export const networkName = ({ projectName }: Settings, part: Part): string =>
  `${projectName}-${NETWORKS[part]}`;

/** The container of a service, as docs/specification.md spells it: test-ray-worker runs in `<project>-test-worker`. */
export const containerName = ({ projectName }: Settings, service: string): string =>
  `${projectName}-${service.replace(/^test-ray-/, "test-")}`;

/** The first node that is made from the same Ray image as this one: they share what is built. */
export function imageOwner({ nodes }: Settings, service: string): string {
  const own = nodes.find(({ name }) => name === service)?.base;
  return nodes.find(({ base }) => own && isDeepStrictEqual(base, own))?.name ?? service;
}

/** The image of a service of the main cluster. The engine takes no capitals in it, which a machine's name may have. */
export const imageName = (settings: Settings, service: string): string =>
  `${settings.projectName}-${imageOwner(settings, service)}`.toLowerCase();

/** Where the images keep what a node remembers; a volume on it outlives the container. */
export const STATE_FOLDER = "/opt/ray-entrypoint/state";

/** The volume of a candidate's state, in the compose file and for the engine. */
export const stateVolume = (node: string): string => `${node}-state`;
export const stateVolumeName = ({ projectName }: Settings, node: string): string =>
  `${projectName}-${stateVolume(node)}`;

/** Set where `ws` runs in the carrier image (docker/ws.sh): what that image is called. */
export const CARRIER_VARIABLE = "WS_CARRIER";
