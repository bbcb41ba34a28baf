import type { Problem } from "../common/failure.ts";
import { err, ok, type Result } from "../common/result.ts";
import { crossCheck } from "./settings/cross-checks.ts";
import { deriveSettings } from "./settings/derive.ts";
import { parseConfigDocument } from "./settings/document.ts";
import type { Settings } from "./settings/types.ts";
import { validate } from "./settings/validate.ts";

export type * from "./settings/types.ts";
export { HEALTH_NAME, HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "./settings/types.ts";

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
  const crossed = crossCheck(config, document.value, wrong);
  const allWarnings = [...warnings, ...crossed.warnings].sort(byPlace);
  const allProblems = [...problems, ...crossed.problems].sort(byPlace);
  if (allProblems.length > 0) return err({ problems: allProblems, warnings: allWarnings });
  return ok({ settings: deriveSettings(config), warnings: allWarnings });
}

const inNumericOrder = new Intl.Collator("en", { numeric: true });
const byPlace = (a: Problem, b: Problem): number => inNumericOrder.compare(a.where, b.where);
