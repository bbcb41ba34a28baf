import { ok, type Result } from "../../common/result.ts";
import { type Driver, type Service, type Survey, servicesOf } from "../drivers/driver.ts";
import type { WsFailure } from "../failure.ts";
import { HEALTH_NAME } from "../settings.ts";
import { planUp, type RunningService, type UpPlan } from "./up-plan.ts";
import { headAmong } from "./where.ts";

interface ClusterPlan {
  readonly plan: UpPlan;
  /** Services of this cluster that have to go first. */
  readonly leaving: readonly string[];
}

/** What `ws up` would do to what exists. */
export async function planCluster(
  driver: Driver,
  own: readonly Service[],
  { changed, replaces }: Survey,
): Promise<Result<ClusterPlan, WsFailure>> {
  const former = replaces?.settings.projectName === driver.settings.projectName ? undefined : replaces;
  const renamed = (await former?.list()) ?? ok([]);
  if (!renamed.ok) return renamed;
  const wanted = servicesOf(driver.settings, "main");
  const changeOf = ({ name }: Service): RunningService["change"] => {
    if (!wanted.includes(name)) return { action: "stop", why: "config.yaml no longer asks for it" };
    const why = changed.get(name);
    return why === undefined ? undefined : { action: "replace", why };
  };
  const active = (services: readonly Service[]) => services.filter((each) => each.active);
  const head = await headAmong(driver, [...active(own), ...active(renamed.value)]);
  const seen = (service: Service, change: RunningService["change"], name = service.name) => ({
    name,
    isNode: service.name !== HEALTH_NAME,
    isHead: head && service === head,
    change,
  });
  const why = `project.name was ${former?.settings.projectName} when it was started`;
  const running = [
    ...active(own).map((each) => seen(each, changeOf(each))),
    ...active(renamed.value).map((each) => seen(each, { action: "stop", why }, each.container?.name)),
  ];
  const gone = own.filter((each) => !wanted.includes(each.name) || (each.active && changeOf(each)));
  return ok({ plan: planUp(wanted, running), leaving: gone.map(({ name }) => name) });
}
