import { statfsSync } from "node:fs";
import { totalmem, userInfo } from "node:os";
import { join } from "node:path";
import type { Settings } from "../../config/settings.ts";
import type { Folders } from "./folders.ts";
import type { Machine } from "./plan.ts";

/** Ray refuses an object store below 75 MB (ray_constants.py, OBJECT_STORE_MINIMUM_MEMORY_BYTES). */
const LEAST_STORE_BYTES = 80 * 2 ** 20;
/** Ray leaves /dev/shm for /tmp when the store does not fit into what is free of it (services.py). */
const SHARE = 0.9;

/** What the plan needs to know of this machine. `binDir` holds `ray`, `dist` the bundles; `logForm` is RAY_EP_LOG. */
export function readMachine(
  settings: Settings,
  folders: Folders,
  { binDir, dist, logForm }: { binDir: string; dist: string; logForm?: string | undefined },
): Machine {
  const stores = settings.nodes.length + 1;
  const limit = (Math.min(sharedMemory(), totalmem()) * SHARE) / stores;
  return {
    node: process.execPath,
    python: join(binDir, "python"),
    entrypoint: join(dist, "entrypoint.js"),
    healthServer: join(dist, "health-server.js"),
    binDir,
    user: userName() ?? "",
    temp: folders.temp,
    healthState: folders.healthState,
    logs: folders.logs,
    // No engine adds the times.
    logForm: logForm || "timed",
    // Rounded, so that the few bytes that others take meanwhile do not look like a change of plan.
    objectStoreLimitBytes: Math.max(LEAST_STORE_BYTES, Math.floor(limit / 2 ** 27) * 2 ** 27),
  };
}

/** Who types `ws`; undefined where the system knows no user of that id. */
export function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // ENOENT: getpwuid(3) finds none.
    return undefined;
  }
}

function sharedMemory(): number {
  try {
    const { blocks, bsize } = statfsSync("/dev/shm");
    return blocks * bsize;
  } catch {
    return 0;
  }
}
