import { openGcs } from "../gcs/client.ts";
import { startGuard } from "./guard-process.ts";
import { becomes, type PlanInput, tempDirOf } from "./plan.ts";
import { type PreflightDeps, preflight } from "./preflight.ts";
import type { Ray } from "./ray.ts";
import { launch } from "./ray-process.ts";
import { SessionFolder } from "./session-folder.ts";

/** Ray as processes of this machine. */
export function localRay(input: Omit<PlanInput, "role">, deps: Omit<PreflightDeps, "config">): Ray {
  const { config, runAs } = input;
  const { token } = config.auth;
  const folder = new SessionFolder(tempDirOf(input), becomes(runAs));
  return {
    useFolder: () => folder.share(),
    prepare: (plan, reported) => preflight(plan, folder, reported, { ...deps, config }),
    start: (command) => launch(command, deps.log),
    gcs: (address) => openGcs(address, { token, tls: config.tls }),
    // The guard keeps the lock on Ray's folder, too.
    startGuard: () => startGuard({ holds: folder.fd }),
  };
}
