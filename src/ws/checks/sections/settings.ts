import { TEST_WORKER_NAME } from "../../settings.ts";
import { checksOf, eachOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { mainNames } from "./common.ts";

/** What differs between the environment of the running Ray and what config.yaml wants, for the variables that `which` takes. */
async function differences(
  context: CheckContext,
  service: string,
  which: (name: string) => boolean,
): Promise<{ count: number; wrong: string[]; seen: string[] }> {
  const environment = await context.environment(service);
  if (!environment.ok) return { count: 0, wrong: [`${service}: ${environment.error}`], seen: [] };
  const wanted = Object.entries(context.expectedEnvironment(service)).filter(([name]) => which(name));
  const wrong = wanted
    .filter(([name, value]) => environment.value[name] !== value)
    .map(([name, value]) => `${service}: ${name}=${environment.value[name] ?? "(unset)"}, expected ${value}`);
  return { count: wanted.length, wrong, seen: wanted.map(([name, value]) => `${name}=${value}`) };
}

const services = (context: CheckContext): string[] => [...mainNames(context), TEST_WORKER_NAME];

async function judgeAll(context: CheckContext): Promise<Verdict> {
  const names = mainNames(context);
  const each = await Promise.all(names.map((name) => differences(context, name, () => true)));
  const wrong = each.flatMap((one) => one.wrong);
  const counts = names.map((name, i) => `${name}: ${each[i]?.count ?? 0} variables`).join(", ");
  return verdict(wrong.length === 0, wrong.length === 0 ? `${counts} as config.yaml says` : wrong.join("; "));
}

const KEY_VARIABLES = ["HEAD_WHITELIST", "HEALTH_URL", "HEAD_ADDRESS_CFG"];

async function judgeKeys(context: CheckContext): Promise<Verdict> {
  const each = await Promise.all(
    services(context).map((name) =>
      differences(context, name, (variable) => KEY_VARIABLES.includes(variable)),
    ),
  );
  const wrong = each.flatMap((one) => one.wrong);
  return verdict(
    wrong.length === 0,
    wrong.length === 0 ? (each[0]?.seen ?? []).join(", ") : wrong.join("; "),
  );
}

const judgeWhitelist = (context: CheckContext): Promise<Verdict> =>
  eachOf(services(context), async (name) => {
    const status = await context.status(name);
    if (status === undefined) return fails("says nothing of itself");
    const isCandidate = context.settings.candidates.some((each) => each.name === name);
    return verdict((status.place !== null) === isCandidate, status.place === null ? "not in" : "in");
  });

export const SETTINGS_CHECKS = checksOf("Settings injection", [
  ["settings/injected", "config.yaml's nodes section reaches the environment of the running Ray", judgeAll],
  ["settings/values", "HEAD_WHITELIST, HEALTH_URL and HEAD_ADDRESS_CFG have the expected values", judgeKeys],
  ["settings/whitelist", "The whitelist is judged right", judgeWhitelist],
]);
