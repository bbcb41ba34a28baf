import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { replaceFile } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import { RUNTIMES } from "../drivers/driver.ts";

/** What the last `ws up` started, until `ws down` ends it; the name is in those of containers, networks and volumes. */
const LastUp = z.object({ runtime: z.enum(RUNTIMES), projectName: z.string() });
type LastUp = z.infer<typeof LastUp>;

const fileOf = (stateDir: string): string => join(stateDir, "last-up.json");

/** Written before `ws up` starts anything, so that a killed one is remembered as well. */
export function rememberUp(stateDir: string, up: LastUp): void {
  mkdirSync(stateDir, { recursive: true });
  replaceFile(fileOf(stateDir), `${JSON.stringify(up)}\n`);
}

/** Undefined where there is none. */
export const lastUp = (stateDir: string): LastUp | undefined =>
  attempt(() => LastUp.parse(JSON.parse(readFileSync(fileOf(stateDir), "utf8"))));

/** What that runtime had up is down. */
export function forgetUp(stateDir: string, runtime: LastUp["runtime"]): void {
  if (lastUp(stateDir)?.runtime === runtime) rmSync(fileOf(stateDir), { force: true });
}
