import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeName } from "./runtime.ts";

const fileOf = (stateDir: string): string => join(stateDir, "last-up");

/** Written before `ws up` starts anything, so that a killed one is remembered as well. */
export function rememberRuntime(stateDir: string, runtime: RuntimeName): void {
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(fileOf(stateDir), `${runtime}\n`);
}

/** The runtime of the last `ws up` that no `ws down` has ended; undefined where there is none. */
export function lastRuntime(stateDir: string): RuntimeName | undefined {
  try {
    const word = readFileSync(fileOf(stateDir), "utf8").trim();
    return word === "docker" || word === "embedded" ? word : undefined;
  } catch {
    return undefined;
  }
}

/** What that runtime had up is down. */
export function forgetRuntime(stateDir: string, runtime: RuntimeName): void {
  if (lastRuntime(stateDir) === runtime) rmSync(fileOf(stateDir), { force: true });
}
