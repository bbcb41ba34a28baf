import { join } from "node:path";
import { visible } from "../../common/output/shown.ts";
import type { RayUser } from "../config/become.ts";
import { saidIn } from "./said-in.ts";

/** The last line of a process that ends by its own check (util/logging.cc, 2.60), without what it says each time. */
const SAID =
  / C \d+ \d+\] \(raylet\) \S+: +(?:An unexpected system state .*? Check failed: \S* ?)?(.{1,300})/;

/**
 * Returns a function that tells why the raylet that starts after this call ended; null where it said nothing.
 * `tempDir`: Ray's folder of sessions. Both logs have it; where Ray rotates them, each may lose its last words.
 */
export function rayletFaultIn(tempDir: string, user: RayUser | null): () => string | null {
  const folder = join(tempDir, "session_latest", "logs");
  const logs = ["raylet.err", "raylet.out"].map((name) => saidIn(join(folder, name), user));
  return () => {
    const saw = logs.map((said) => SAID.exec(said())?.[1]).find((each) => each !== undefined);
    return saw === undefined ? null : visible(saw);
  };
}
