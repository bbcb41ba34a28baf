import { type NodeStatus, parseStatus } from "../../../common/node-status.ts";
import { reported } from "../ask-health.ts";
import type { DockerCluster } from "./cluster.ts";
import type { Container } from "./containers.ts";

/** Where the image has a node keep its status (docker/Dockerfile). */
const FILE = "/run/ray-entrypoint/status.json";

/**
 * What the node in a container says of itself, also after its end; undefined where it has said nothing since the container
 * was started last.
 */
export async function statusOf(
  { engine, healthUrl }: DockerCluster,
  { id, service, startedAt }: Container,
): Promise<NodeStatus | undefined> {
  // `docker exec` would need a container that runs. This gives a tar archive of the one file, whose header has no braces.
  const archive = await engine.docker(["cp", `${id}:${FILE}`, "-"]);
  const text = archive.ok ? archive.value : "";
  const own = parseStatus(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  if (own !== undefined && own.startedAt >= Date.parse(startedAt)) return own;
  return (await reported(healthUrl)).get(service);
}
