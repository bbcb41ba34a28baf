import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../common/environment.ts";

const DEFAULT_STATE_DIR = "/opt/ray-entrypoint/state";

/** Files in a member's state folder. */
export const MEMBERSHIP = "membership.json";
export const RAY_TOKEN = "ray-token";

/** Where a member keeps its membership, and a HEAD its cluster's state. */
export const stateDirOf = (env: Environment): string => env.RAY_EP_STATE_DIR?.trim() || DEFAULT_STATE_DIR;

/** Whether this node is a member of a cluster of several machines, or shall become one. */
export const isMember = (env: Environment): boolean =>
  Boolean(env.RAY_EP_JOIN?.trim() || env.RAY_EP_JOIN_FILE?.trim()) ||
  existsSync(join(stateDirOf(env), MEMBERSHIP));
