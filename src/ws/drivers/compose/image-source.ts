import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HEALTH_SOURCE_VARIABLE, NODE_SOURCE_VARIABLE } from "../../compose/names.ts";

/** What the two Dockerfiles copy, and themselves. */
const NODE_SCRIPTS =
  "Dockerfile programs.sh install.sh profile.sh entrypoint.sh health-check.sh compile-cache.cjs compile.sh";
const SOURCES = {
  [NODE_SOURCE_VARIABLE]: [...NODE_SCRIPTS.split(" ").map((file) => `docker/${file}`), "dist/entrypoint.js"],
  [HEALTH_SOURCE_VARIABLE]: [
    "docker/health.Dockerfile",
    "docker/health-service-check.sh",
    "dist/health-server.js",
  ],
};

/** A digest of what the images get from the checkout, under the names in which compose.yaml reads them. */
export const sourceVariables = (root: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(SOURCES).map(([variable, files]) => [variable, digest(root, files)]));

function digest(root: string, files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(contentOf(join(root, file)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** A missing file is the build's to complain of. */
function contentOf(file: string): Buffer | string {
  try {
    return readFileSync(file);
  } catch {
    return "";
  }
}
