import { existsSync } from "node:fs";
import type { Problem } from "../../../common/failure.ts";
import { HEALTH_NAME, type Settings } from "../../config/settings.ts";
import type { Driver, Kept } from "../driver.ts";
import type { Service } from "../service.ts";
import type { StartedProcess } from "./processes.ts";

/** One warning for what only containers can have. */
export function leftOut({ nodes }: Settings): Problem[] {
  const keys = [...new Set(nodes.flatMap(({ containerKeys }) => containerKeys))];
  const [first] = nodes.filter(({ containerKeys }) => containerKeys.length > 0);
  if (first === undefined) return [];
  return [
    {
      where: `${first.keyPrefix}${first.containerKeys[0]}`,
      problem: `the embedded runtime has no containers, and leaves out ${keys.join(", ")}`,
      fix: "Nothing has to be done where the nodes can do without; else take --runtime docker.",
    },
  ];
}

/** What is there of something that `ws down` keeps. */
export const keptBy = (found: string, what: string, remove: string, shown = found): Kept[] =>
  existsSync(found) ? [{ what: `${what} ${shown}`, remove }] : [];

/** Keeps proxies out of the loopback; the cluster's addresses one by one, since Python's urllib takes no networks. */
export function withoutProxy(env: Driver["env"], { health, nodes, test }: Settings): Driver["env"] {
  const own = [health, ...nodes, test.worker, test.client].map(({ loopbackAddress }) => loopbackAddress);
  const given = (env.no_proxy || env.NO_PROXY || "").split(",").filter(Boolean);
  const noProxy = [...given, ...own, "127.0.0.0/8", "localhost"].join(",");
  return { ...env, no_proxy: noProxy, NO_PROXY: noProxy };
}

export function addressOf({ health, nodes }: Settings, name: string): string | undefined {
  if (name === HEALTH_NAME) return `${health.loopbackAddress}:${health.port}`;
  return nodes.find((node) => node.name === name)?.loopbackAddress;
}

/** Only what runs is known as a service. */
const RUNS = { running: true, active: true, status: "running", healthy: false, ended: false, exit: "" };

export function serviceOf(
  { name, pid, startTicks, address, startedAt }: StartedProcess,
  settings: Settings,
): Service {
  const node = settings.nodes.find((each) => each.name === name);
  return {
    ...RUNS,
    ...{ name, ref: name, hostname: name, pid, life: `${pid} ${startTicks}`, startedAtMs: startedAt },
    address: addressOf(settings, name) ?? address,
    gcs: node?.headPort ? { host: address, port: node.headPort } : undefined,
    restarts: 0,
    elsewhere: undefined,
  };
}

export const changedSince = ({ startedAt }: StartedProcess): string =>
  `config.yaml (or ws itself) changed since it was started at ${new Date(startedAt).toISOString().slice(0, 19)}Z`;
