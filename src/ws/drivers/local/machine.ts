import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { totalmem, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { sha256 } from "../../../common/digest.ts";
import { readText } from "../../../common/files.ts";
import { attempt, err, ok, type Result } from "../../../common/result.ts";
import type { NodeSettings, Settings } from "../../config/settings.ts";
import { NO_TEXTS, secretsFolder } from "../../config/tokens.ts";
import type { WsFailure } from "../../failure.ts";

export type Folders = ReturnType<typeof foldersOf>;

/** Where a cluster keeps its things. */
export function foldersOf(stateDir: string) {
  const owner = `${process.getuid?.() ?? 0}:${stateDir}`;
  const label = sha256(owner).slice(0, 10);
  const state = join(stateDir, "embedded");
  return {
    /** Names the cluster: its processes carry it. The same state folder gives the same, so nothing is lost with the state file. */
    label,
    state,
    stateFile: join(state, "state.json"),
    logs: join(state, "logs"),
    healthState: join(state, "health"),
    secrets: secretsFolder(stateDir, "embedded"),
    /** A folder for each node: what it keeps of its cluster. */
    nodeStates: join(state, "nodes"),
    /** Ray's session folders. Not below `state`: a unix socket's path may have 107 bytes, and Ray adds 64. */
    temp: `/tmp/ws-${label}`,
  };
}

export const logFile = ({ logs }: Folders, name: string): string => join(logs, `${name}.log`);

export const nodeState = ({ nodeStates }: Folders, name: string): string => join(nodeStates, name);

export const statusFile = ({ logs }: Folders, name: string): string => join(logs, `${name}.json`);

/** Makes the folders. The one in /tmp has a name that others can guess, so it must be ours and closed to others. */
export function makeFolders({ state, logs, healthState, temp }: Folders): Result<void, WsFailure> {
  for (const folder of [state, logs, healthState]) mkdirSync(folder, { recursive: true });
  mkdirSync(temp, { recursive: true, mode: 0o700 });
  const why = whyUnsafe(temp);
  return why === undefined ? ok(undefined) : err({ reason: "unsafe-folder", folder: temp, why });
}

/** Why a folder in /tmp must not be used: another user may have made it, or a link to something of ours. */
function whyUnsafe(folder: string): string | undefined {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it does not exist";
  if (!found.isDirectory()) return "it is not a folder";
  if (found.uid !== process.getuid?.()) return `it belongs to user ${found.uid}`;
  return (found.mode & 0o022) === 0 ? undefined : "other users may write to it";
}

/** Removes what services kept in /tmp, or all of it if none is named. A folder that is not ours is left alone. */
export function removeTemp({ temp }: Folders, names?: readonly string[]): void {
  if (whyUnsafe(temp) === undefined) remove(names?.map((name) => join(temp, name)) ?? [temp]);
}

/** Beside the store; the entrypoint keeps the last two (its state-folder.ts). False where the node has none. */
export function putStateAside(folders: Folders, name: string): boolean {
  const store = join(nodeState(folders, name), "gcs");
  if (!existsSync(store)) return false;
  renameSync(store, `${store}-aside-${new Date().toISOString().replaceAll(":", "-")}`);
  return true;
}

/** Removes what `ws` wrote, and nothing else. The lock stays: whoever calls this holds it, and another may wait for it. */
export const removeKept = ({ logs, healthState, nodeStates, stateFile }: Folders): void =>
  remove([logs, healthState, nodeStates, stateFile, `${stateFile}.new`]);

function remove(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Ray refuses an object store below 75 MB (ray_constants.py, OBJECT_STORE_MINIMUM_MEMORY_BYTES). */
const MIN_STORE_BYTES = 80 * 2 ** 20;
/** Ray leaves /dev/shm for /tmp when the store does not fit into what is free of it (services.py). */
const SHARE = 0.9;

export type Machine = ReturnType<typeof readMachine>;

/** What the plan takes from the machine. `given.logForm`: RAY_EP_LOG. */
export function readMachine(
  settings: Settings,
  folders: Folders,
  given: {
    readonly binDir: string;
    readonly dist: string;
    readonly configFolder: string;
    readonly logForm?: string | undefined;
  },
) {
  const limit = (Math.min(sharedMemory(), totalmem()) * SHARE) / (settings.nodes.length + 1);
  return {
    ...given,
    folders,
    /** The variables that config.yaml gives a node, from its files and by name. */
    variablesOf: ({ envFiles, environment }: NodeSettings): Readonly<Record<string, string>> => ({
      ...Object.assign(
        {},
        ...envFiles.map((file) => parseEnv(readText(resolve(given.configFolder, file)) ?? "")),
        envFiles.length > 0 ? NO_TEXTS : {},
      ),
      ...environment,
    }),
    user: userName() ?? "",
    // No engine adds the times.
    logForm: given.logForm || "timed",
    // Beyond it Ray would leave /dev/shm. Rounded: the few bytes that others take meanwhile are no change of plan.
    objectStoreLimitBytes: Math.max(MIN_STORE_BYTES, Math.floor(limit / 2 ** 27) * 2 ** 27),
  };
}

/** Who types `ws`; undefined where the system knows no user of that id (getpwuid(3)). */
export const userName = (): string | undefined => attempt(() => userInfo().username);

function sharedMemory(): number {
  const { blocks, bsize } = attempt(() => statfsSync("/dev/shm")) ?? { blocks: 0, bsize: 0 };
  return blocks * bsize;
}
