import { TEST_WORKER_NAME } from "../../settings.ts";
import { type Check, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";

const section = "Settings injection";

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

const services = ({ settings }: CheckContext): string[] => [
  ...settings.nodes.map(({ name }) => name),
  TEST_WORKER_NAME,
];

async function judgeAll(context: CheckContext): Promise<Verdict> {
  const names = context.settings.nodes.map(({ name }) => name);
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

async function judgeWhitelist(context: CheckContext): Promise<Verdict> {
  const candidates = context.settings.candidates.map(({ name }) => name);
  const seen = await Promise.all(
    services(context).map(async (name) => {
      const status = await context.status(name);
      if (status === undefined) return { ok: false, saw: `${name} says nothing` };
      const inside = status.place !== null;
      return { ok: inside === candidates.includes(name), saw: `${name} ${inside ? "in" : "not in"}` };
    }),
  );
  return verdict(
    seen.every(({ ok }) => ok),
    seen.map(({ saw }) => saw).join(", "),
  );
}

export const SETTINGS_CHECKS: readonly Check[] = [
  {
    id: "settings/injected",
    section,
    title: "config.yaml's nodes section reaches the environment of the running Ray",
    run: judgeAll,
  },
  {
    id: "settings/values",
    section,
    title: "HEAD_WHITELIST, HEALTH_URL and HEAD_ADDRESS_CFG have the expected values",
    run: judgeKeys,
  },
  { id: "settings/whitelist", section, title: "The whitelist is judged right", run: judgeWhitelist },
];
