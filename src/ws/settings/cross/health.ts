import { isOwnHealth } from "../derive.ts";
import type { KeyPath } from "../document.ts";
import type { ConfigFile } from "../schema.ts";
import { HEALTH_NAME, HEALTH_PORT } from "../types.ts";
import { askedAtLoopback, type Finding } from "./finding.ts";

const URL_KEY: KeyPath = ["nodes", "health_service", "url"];
const PORT_KEY: KeyPath = ["services", "health", "port"];
const ENABLED_KEY: KeyPath = ["services", "health", "enabled"];

/** The service that the nodes ask is the one that runs here, or one elsewhere. */
export function checkHealth(config: ConfigFile): readonly Finding[] {
  const { enabled, port } = config.services.health;
  const url = new URL(config.nodes.health_service.url ?? `http://${HEALTH_NAME}:${HEALTH_PORT}`);
  if (url.hostname !== HEALTH_NAME) return askedAtLoopback(URL_KEY, url.hostname);
  if (!enabled) return [NOBODY];
  return isOwnHealth(url.href, port) ? [] : [otherPort(url.port || "80")];
}

const otherPort = (asked: string): Finding => ({
  severity: "problem",
  path: URL_KEY,
  against: [PORT_KEY],
  problem: `expected port ${HEALTH_PORT}, on which the health service answers in its network, got ${asked}`,
  fix: `Write http://${HEALTH_NAME}:${HEALTH_PORT}; services.health.port is its port on the host.`,
});

const NOBODY: Finding = {
  severity: "warning",
  path: ENABLED_KEY,
  against: [URL_KEY],
  problem: "the health service is switched off: without one only the first candidate may lead",
  fix: "Set nodes.health_service.url to a service elsewhere, if there is one.",
};
