import type { Problem } from "../../common/failure.ts";
import { checkAddresses } from "./consistency/addresses.ts";
import { checkHealth } from "./consistency/health.ts";
import { checkNames } from "./consistency/names.ts";
import { checkPorts } from "./consistency/ports.ts";
import type { ConfigRead, Inconsistency } from "./consistency/rule.ts";
import { checkSizes } from "./consistency/sizes.ts";
import { type ConfigDocument, formatPath, type KeyPath, parsePath } from "./document.ts";

const RULES = [checkNames, checkAddresses, checkHealth, checkPorts, checkSizes];

/** What several keys together get wrong. What touches a value already reported as `wrong` is left out. */
export function checkConsistency(read: ConfigRead, document: ConfigDocument, wrong: readonly KeyPath[]) {
  const reported = wrong.map(formatPath);
  const isMoot = ({ key, against = [] }: Inconsistency) =>
    [key, ...against].some((each) => reported.some((bad) => `${each}.`.startsWith(`${bad}.`)));
  const found = RULES.flatMap((rule) => [...rule(read)]).filter((each) => !isMoot(each));
  const toProblem = ({ key, problem, fix }: Inconsistency): Problem => ({
    where: document.where(parsePath(key)),
    problem,
    fix,
  });
  return {
    problems: found.filter(({ warning }) => !warning).map(toProblem),
    warnings: found.filter(({ warning }) => warning).map(toProblem),
  };
}
