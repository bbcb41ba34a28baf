import { isOwnHealth } from "../derive.ts";
import { HEALTH_NAME, HEALTH_PORT } from "../types.ts";
import { askedAtLoopback, type ConfigRead, type Inconsistency } from "./rule.ts";

const URL_KEY = "nodes.health_service.url";
const OWN_URL = `http://${HEALTH_NAME}:${HEALTH_PORT}`;

/** The service that the nodes ask is the one that runs here, or one elsewhere. */
export function* checkHealth({ config, settings: { health } }: ConfigRead): Iterable<Inconsistency> {
  const url = new URL(config.nodes.health_service.url ?? OWN_URL);
  if (url.hostname !== HEALTH_NAME) yield* askedAtLoopback(URL_KEY, url.hostname);
  else if (!health.enabled)
    yield {
      key: "services.health.enabled",
      against: [URL_KEY],
      warning: true,
      problem: "the health service is switched off: without one only the first candidate may lead",
      fix: "Set nodes.health_service.url to a service elsewhere, if there is one.",
    };
  else if (!isOwnHealth(url.href, health.port))
    yield {
      key: URL_KEY,
      against: ["services.health.port"],
      problem: `expected port ${HEALTH_PORT}, on which the health service answers in its network, got ${url.port || "80"}`,
      fix: `Write ${OWN_URL}; services.health.port is its port on the host.`,
    };
}
