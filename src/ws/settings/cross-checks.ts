import type { Problem } from "../../common/failure.ts";
import { checkAddresses } from "./cross/addresses.ts";
import type { CrossCheck, Finding } from "./cross/finding.ts";
import { checkHealth } from "./cross/health.ts";
import { checkNames } from "./cross/names.ts";
import { checkPorts } from "./cross/ports.ts";
import { checkSizes } from "./cross/sizes.ts";
import { type ConfigDocument, formatPath, type KeyPath } from "./document.ts";
import type { ConfigFile } from "./schema.ts";

const CHECKS: readonly CrossCheck[] = [checkNames, checkAddresses, checkHealth, checkPorts, checkSizes];

/** Checks that need several keys. Findings that touch a value already reported as `wrong` are left out. */
export function crossCheck(config: ConfigFile, document: ConfigDocument, wrong: readonly KeyPath[]) {
  const reported = new Set(wrong.map(formatPath));
  const isMoot = ({ path, against = [] }: Finding) =>
    [path, ...against].some((key) => key.some((_, i) => reported.has(formatPath(key.slice(0, i + 1)))));
  const findings = CHECKS.flatMap((check) => check(config)).filter((finding) => !isMoot(finding));
  const ofSeverity = (severity: Finding["severity"]): Problem[] =>
    findings
      .filter((finding) => finding.severity === severity)
      .map(({ path, problem, fix }) => ({ where: document.where(path), problem, fix }));
  return { problems: ofSeverity("problem"), warnings: ofSeverity("warning") };
}
