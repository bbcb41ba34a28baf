import { ok } from "../../common/result.ts";
import { HEALTH_NAME, plannedHead, type Settings } from "../config/settings.ts";
import { type Driver, type Survey, servicesOf } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { Attempt } from "../failure.ts";
import { headAmong } from "./snapshot.ts";

export interface PlanStep {
  readonly action: "keep" | "start" | "replace" | "stop";
  readonly service: string;
  readonly why: string;
  /** What is lost with it, as text; empty: nothing. */
  readonly lost: string;
}

/** What `ws up` is about to do, in display order. */
export type UpPlan = readonly PlanStep[];

type Named = Pick<Service, "name">;
type Change = Pick<PlanStep, "action" | "why">;

interface Step {
  readonly one: Named;
  /** Undefined where no GCS answers that could tell. */
  readonly head: Named | undefined;
  readonly change: Change | undefined;
  /** By its container, where its own name would mislead. */
  readonly service?: string | undefined;
  /** Whether a HEAD that comes back has its cluster's state. */
  readonly keepsState: boolean;
}

/** What happens to a service that runs. Pure. */
export function stepOf({ one, head, change, service = one.name, keepsState }: Step): PlanStep {
  if (change === undefined) return { action: "keep", service, why: "", lost: "" };
  const why = head ? "because it is the HEAD" : "if it is the HEAD";
  const stays = keepsState && change.action === "replace";
  const whole = stays
    ? `the jobs and tasks that run, and before Ray 2.57 the cluster's state, ${why}`
    : `the whole cluster's state and jobs, ${why}`;
  const ofNode = head && head !== one ? "the tasks and actors that run on it" : whole;
  // The health service's lease is on disk.
  return { ...change, service, lost: one.name === HEALTH_NAME ? "" : ofNode };
}

/** What runs, and what is missing. Pure. */
export const planUp = (wanted: readonly string[], running: readonly PlanStep[]): UpPlan => [
  ...running,
  ...wanted
    .filter((name) => running.every(({ service }) => service !== name))
    .map((service) => ({ action: "start", service, why: "", lost: "" }) as const),
];

/** True if running services would be replaced or stopped, which needs the user's consent. Pure. */
export const isDisruptive = (plan: UpPlan): boolean =>
  plan.some(({ action }) => action === "replace" || action === "stop");

/** Who starts after whom. Pure. */
export function inOrder(settings: Settings, services: readonly string[]) {
  const leader = plannedHead(settings);
  const stage = (name: string) => (name === HEALTH_NAME ? "health" : name === leader ? "first" : "rest");
  return { health: [], first: [], rest: [], ...Object.groupBy(services, stage) };
}

/** What `ws up` would do to what exists. `leaving`: services of this cluster that have to go first. */
export async function planCluster(
  driver: Driver,
  own: readonly Service[],
  { changed, replaces }: Pick<Survey, "changed" | "replaces">,
): Attempt<{ plan: UpPlan; leaving: readonly string[] }> {
  const former = replaces?.settings.projectName === driver.settings.projectName ? undefined : replaces;
  const renamed = (await former?.list()) ?? ok([]);
  if (!renamed.ok) return renamed;
  const { keepsState } = driver.settings;
  const wanted = servicesOf(driver.settings, "main");
  const changeOf = ({ name }: Service): Change | undefined => {
    if (!wanted.includes(name)) return { action: "stop", why: "config.yaml no longer asks for it" };
    const why = changed.get(name);
    return why === undefined ? undefined : { action: "replace", why };
  };
  const active = (services: readonly Service[]) => services.filter((each) => each.active);
  const head = await headAmong(driver, [...active(own), ...active(renamed.value)]);
  const why = `project.name was ${former?.settings.projectName} when it was started`;
  const running = [
    ...active(own).map((one) => stepOf({ one, head, change: changeOf(one), keepsState })),
    ...active(renamed.value).map((one) =>
      stepOf({ one, head, change: { action: "stop", why }, service: one.container?.name, keepsState }),
    ),
  ];
  const gone = own.filter((each) => !wanted.includes(each.name) || (each.active && changeOf(each)));
  return ok({ plan: planUp(wanted, running), leaving: gone.map(({ name }) => name) });
}
