import { join } from "node:path";
import { err, ok, type Result } from "../../../common/result.ts";
import type { WsFailure } from "../../failure.ts";
import type { Job } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { makeFolders } from "./folders.ts";
import { readMachine, userName } from "./machine.ts";
import type { Machine } from "./plan.ts";
import { ensureVenv } from "./venv.ts";

/** Makes what the processes need: Ray in its virtual environment, and the folders. */
export async function prepare(cluster: EmbeddedCluster, job: Job): Promise<Result<Machine, WsFailure>> {
  const { settings, env, folders, venvDir } = cluster;
  if (userName() === undefined) return err({ reason: "no-such-uid", uid: process.getuid?.() ?? -1 });
  const venv = await ensureVenv({
    folder: join(venvDir, `venv-${settings.rayVersion}`),
    rayVersion: settings.rayVersion,
    python: env.WS_PYTHON ?? "python3",
    env,
    progress: job.progress,
    signal: job.signal,
  });
  if (!venv.ok) return venv;
  const made = makeFolders(folders);
  return made.ok ? ok(machineOf(cluster)) : made;
}

/** What the plans need to know about this machine; Ray need not be installed yet. */
export const machineOf = ({ settings, folders, venvDir, dist, env }: EmbeddedCluster): Machine =>
  readMachine(settings, folders, {
    binDir: join(venvDir, `venv-${settings.rayVersion}`, "bin"),
    dist,
    logForm: env.RAY_EP_LOG,
  });
