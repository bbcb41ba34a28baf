import { TEST_WORKER_NAME } from "../../config/settings.ts";
import { checksOf, eachOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { mainNames } from "./common.ts";

const services = (context: CheckContext): string[] => [...mainNames(context), TEST_WORKER_NAME];

/** Whether the running Ray has what config.yaml wants a node to be told: all of it, or only these variables. */
const judgeTold =
  (namesOf: (context: CheckContext) => string[], only?: readonly string[]) =>
  (context: CheckContext): Promise<Verdict> =>
    eachOf(namesOf(context), async (service) => {
      const environment = await context.environment(service);
      if (!environment.ok) return fails(environment.error);
      const told = Object.entries(context.expectedEnvironment(service));
      const wanted = told.filter(([name]) => only?.includes(name) ?? true);
      const wrong = wanted
        .filter(([name, value]) => environment.value[name] !== value)
        .map(([name, value]) => `${name}=${environment.value[name] ?? "(unset)"}, expected ${value}`);
      const right =
        only === undefined ? [`${wanted.length} variables`] : wanted.map((each) => each.join("="));
      return wrong.length > 0
        ? fails(wrong.join("; "))
        : verdict(true, `${right.join(", ")} as config.yaml says`);
    });

const KEY_VARIABLES = ["HEAD_WHITELIST", "HEALTH_URL", "HEAD_ADDRESS_CFG"];

const judgeWhitelist = (context: CheckContext): Promise<Verdict> =>
  eachOf(services(context), async (name) => {
    const status = await context.status(name);
    if (status === undefined) return fails("says nothing of itself");
    const isCandidate = context.settings.candidates.some((each) => each.name === name);
    return verdict((status.place !== null) === isCandidate, status.place === null ? "not in" : "in");
  });

export const SETTINGS_CHECKS = checksOf("Settings injection", [
  [
    "settings/injected",
    "config.yaml's nodes section reaches the environment of the running Ray",
    judgeTold(mainNames),
  ],
  [
    "settings/values",
    "HEAD_WHITELIST, HEALTH_URL and HEAD_ADDRESS_CFG have the expected values",
    judgeTold(services, KEY_VARIABLES),
  ],
  ["settings/whitelist", "The whitelist is judged right", judgeWhitelist],
]);
