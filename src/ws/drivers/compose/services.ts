import type { Service } from "../driver.ts";
import { type Container, isFromElsewhere } from "./containers.ts";
import type { Project } from "./project.ts";

/** A container that was started by hand may not have the service's label. */
export const nameOf = ({ service, name }: Container): string => service || name;

/** A container as every driver describes a service. */
export function serviceOf(
  container: Container,
  { engine, configFolder }: Pick<Project, "engine" | "configFolder">,
): Service {
  const { id, status, headPort, addresses, folder } = container;
  return {
    ...container,
    name: nameOf(container),
    ref: id,
    life: `${id} ${container.startedAt}`,
    // The engine starts such a one again, and it takes its ports again.
    active: container.running || ["restarting", "paused"].includes(status),
    address: addresses.find((address) => address !== "") ?? "–",
    startedAtMs: Date.parse(container.startedAt),
    gcs: headPort === undefined ? undefined : { host: engine.host, port: headPort },
    healthy: container.health === "healthy",
    ended: container.error !== "" || status === "exited" || status === "dead",
    exit: exitOf(container),
    elsewhere: isFromElsewhere(container, configFolder) ? folder : undefined,
    container: { name: container.name, status: shownStatus(container) },
  };
}

function exitOf({ exitCode, restarts, error, outOfMemory }: Container): string {
  if (error !== "") return `the engine could not start it: ${error}`;
  const again = restarts > 0 ? `, restarted ${restarts} times` : "";
  return outOfMemory ? `out of memory (exit code ${exitCode})${again}` : `exit code ${exitCode}${again}`;
}

function shownStatus({ status, health, exitCode, restarts }: Container): string {
  const how = status === "exited" ? ` (${exitCode})` : health === undefined ? "" : ` (${health})`;
  return `${status}${how}${restarts === 0 ? "" : `, ${restarts} restarts`}`;
}
