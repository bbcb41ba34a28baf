import type { Problem } from "../../common/failure.ts";
import { checkAddresses } from "./consistency/addresses.ts";
import { checkHealth } from "./consistency/health.ts";
import { checkNames } from "./consistency/names.ts";
import { checkPorts } from "./consistency/ports.ts";
import type { Cluster, Finding } from "./consistency/rule.ts";
import { checkSizes } from "./consistency/sizes.ts";
import { type ConfigDocument, formatPath, type KeyPath, parsePath } from "./document.ts";

const RULES = [checkNames, checkAddresses, checkHealth, checkPorts, checkSizes];

/** What several keys together get wrong. Findings that touch a value already reported as `wrong` are left out. */
export function checkConsistency(cluster: Cluster, document: ConfigDocument, wrong: readonly KeyPath[]) {
  const reported = wrong.map(formatPath);
  const isMoot = ({ key, against = [] }: Finding) =>
    [key, ...against].some((each) => reported.some((bad) => `${each}.`.startsWith(`${bad}.`)));
  const findings = RULES.flatMap((rule) => [...rule(cluster)]).filter((finding) => !isMoot(finding));
  const toProblem = ({ key, problem, fix }: Finding): Problem => ({
    where: document.where(parsePath(key)),
    problem,
    fix,
  });
  return {
    problems: findings.filter(({ warning }) => !warning).map(toProblem),
    warnings: findings.filter(({ warning }) => warning).map(toProblem),
  };
}
