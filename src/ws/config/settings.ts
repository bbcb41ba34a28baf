import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { deriveSettings, type Settings } from "./derive.ts";
import { formatPath, parseConfigDocument, parsePath } from "./document.ts";
import { NAME_RULES } from "./rules/name-rules.ts";
import { NODE_RULES } from "./rules/node-rules.ts";
import { PLACE_RULES } from "./rules/place-rules.ts";
import { validate } from "./validate.ts";

export * from "./derive.ts";
export type { BaseImage, NodeSettings, WorkerSettings } from "./derive-nodes.ts";
export { HEALTH_NAME, HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "./nodes.ts";

export interface SettingsRead {
  readonly settings: Settings;
  /** What stops nothing and may be a slip: names that match no service, keys of other programs. */
  readonly warnings: readonly Problem[];
}

type Refused = Pick<SettingsRead, "warnings"> & { readonly problems: readonly Problem[] };

/**
 * The text of config.yaml (empty for a missing file) as settings with every default filled in.
 * `file` is the name shown in front of `line:column`; `isThere` looks for the files that it names. The error lists every problem of the file at once.
 */
export function readSettings(
  text: string,
  file = "config.yaml",
  isThere = (_path: string): boolean => true,
): Result<SettingsRead, Refused> {
  const parsed = parseConfigDocument(text, file);
  if (!parsed.ok) return err({ problems: parsed.error, warnings: [] });
  const document = parsed.value;
  const { config, wrong, ...alone } = validate(document);
  const settings = deriveSettings(config);
  const isWritten = (key: string) => document.valueAt(parsePath(key)) !== undefined;
  // A key that is wrong in itself has been reported, and its default says nothing about others.
  const reported = wrong.map((path) => `${formatPath(path)}.`);
  const found = Object.values({ ...NAME_RULES, ...NODE_RULES, ...PLACE_RULES })
    .flatMap((rule) => [...rule({ config, settings, isWritten, isThere })])
    .filter(({ keys }) => !keys.some((key) => reported.some((bad) => `${key}.`.startsWith(bad))))
    // What several replicas get wrong alike is one problem of the file.
    .filter(
      ({ keys: [key], problem }, i, all) =>
        all.findIndex((each) => each.keys[0] === key && each.problem === problem) === i,
    );
  const together = (warns?: true) =>
    found
      .filter(({ warning }) => warning === warns)
      .map(({ keys: [key], problem, fix }) => ({ where: document.where(parsePath(key)), problem, fix }));
  const problems = [...alone.problems, ...together()].sort(byPlace);
  const warnings = [...alone.warnings, ...together(true)].sort(byPlace);
  return problems.length > 0 ? err({ problems, warnings }) : ok({ settings, warnings });
}

const byPlace = (a: Problem, b: Problem): number => a.where.localeCompare(b.where, "en", { numeric: true });
