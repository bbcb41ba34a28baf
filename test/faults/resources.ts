import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a cluster takes of its machine, and must not take more and more of. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** The memory of a process, what it shares counted by its part (proc(5), smaps_rollup). */
export function pssMib(pid: number): number {
  const [, kib = "0"] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

/** The bytes below a folder, in MiB; what vanishes meanwhile counts nothing. */
export function folderMib(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return (found?.size ?? 0) / 2 ** 20;
  return list(path).reduce((sum, name) => sum + folderMib(join(path, name)), 0);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
