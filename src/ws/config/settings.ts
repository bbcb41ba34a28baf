import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { checkConsistency } from "./consistency.ts";
import { deriveSettings } from "./derive.ts";
import { parseConfigDocument, parsePath } from "./document.ts";
import type { Settings } from "./types.ts";
import { validate } from "./validate.ts";

export { plannedHead } from "./candidates.ts";
export type * from "./types.ts";
export { HEALTH_NAME, HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "./types.ts";

interface Warned {
  /** What stops nothing and may be a slip: names that match no service, keys of other programs. */
  readonly warnings: readonly Problem[];
}

export interface SettingsRead extends Warned {
  readonly settings: Settings;
}

interface SettingsRefused extends Warned {
  readonly problems: readonly Problem[];
}

/**
 * The text of config.yaml (empty for a missing file) as settings with every default filled in.
 * `file` is the name shown in front of `line:column`. The error lists every problem of the file at once.
 */
export function readSettings(text: string, file = "config.yaml"): Result<SettingsRead, SettingsRefused> {
  const document = parseConfigDocument(text, file);
  if (!document.ok) return err({ problems: document.error, warnings: [] });
  const { config, problems, warnings, wrong } = validate(document.value);
  const settings = deriveSettings(config);
  const isWritten = (key: string) => document.value.valueAt(parsePath(key)) !== undefined;
  const together = checkConsistency({ config, settings, isWritten }, document.value, wrong);
  const allWarnings = [...warnings, ...together.warnings].sort(byPlace);
  const allProblems = [...problems, ...together.problems].sort(byPlace);
  if (allProblems.length > 0) return err({ problems: allProblems, warnings: allWarnings });
  return ok({ settings, warnings: allWarnings });
}

const inNumericOrder = new Intl.Collator("en", { numeric: true });
const byPlace = (a: Problem, b: Problem): number => inNumericOrder.compare(a.where, b.where);
