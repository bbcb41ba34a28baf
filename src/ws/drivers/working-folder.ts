import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../common/result.ts";

/** What Ray itself leaves out of a working folder (ray_constants.py, RAY_RUNTIME_ENV_DEFAULT_EXCLUDES, 2.60). */
export const LEFT_OUT = [".git", ".venv", "venv", "__pycache__"];

/** What a job's files may have in all when packed (dashboard/http_server_head.py, DASHBOARD_CLIENT_MAX_SIZE, 2.60). */
const MOST_MIB = 100;

const inside = (folder: string) => attempt(() => readdirSync(folder, { withFileTypes: true })) ?? [];

/** Says that a folder may be too large for a job; undefined where it is not. Looks no further than it must. */
export function tooLarge(folder: string): string | undefined {
  let left = MOST_MIB * 2 ** 20;
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop())
    for (const entry of inside(at)) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && !LEFT_OUT.includes(entry.name)) folders.push(path);
      if (entry.isFile()) left -= attempt(() => lstatSync(path).size) ?? 0;
      if (left < 0)
        return `${folder} holds more than ${MOST_MIB} MiB, which is the most that Ray takes when packed`;
    }
  return undefined;
}
