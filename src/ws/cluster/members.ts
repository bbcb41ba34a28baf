import { whyOf } from "../../common/output/why.ts";
import { Members } from "../../common/protocol/admin-protocol.ts";
import type { ClusterView as HealthView } from "../../common/protocol/report-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Driver } from "../drivers/driver.ts";
import { healthView } from "./snapshot.ts";

/** What the health service knows of one node. */
export interface NodeNews {
  /** What troubles it, or did last; undefined: nothing. */
  readonly why: string | undefined;
  /** Of Ray, since its entrypoint started. */
  readonly restarts: number | undefined;
  /** Seconds; undefined: never since the service started. */
  readonly heardAgoS: number | undefined;
}

/** The same of one member of a cluster of several machines. */
export interface MemberReport extends NodeNews {
  readonly name: string;
  readonly candidate: boolean;
  /** What its node advertises, and the network card that has it. */
  readonly address: string;
  readonly interface: string | undefined;
  /** It said that it ends, and nothing since. */
  readonly stopped: boolean;
}

/** The health service does not know this machine (any more). */
export const UNKNOWN = "unknown";
const NOT_OURS = 401;

/** Every member, or in a few words why the health service does not say. */
export async function reportMembers(driver: Driver): Promise<Result<readonly MemberReport[], string>> {
  const cluster = await driver.cluster?.();
  if (cluster === undefined) return err("this machine is no member");
  const [answer, view] = await Promise.all([cluster.ask("GET", "/v1/members"), healthView(driver)]);
  if (answer.ok && answer.value.status === NOT_OURS) return err(UNKNOWN);
  const known = answer.ok ? attempt(() => Members.parse(JSON.parse(answer.value.body))) : undefined;
  if (known === undefined) return err(answer.ok ? `it answered ${answer.value.status}` : answer.error);
  const members = known.members.map(({ name, candidate, address, heardAgo }) => {
    const node = view?.nodes.find((each) => each.name === name);
    return {
      stopped: node?.state === "stopped",
      ...{ name, candidate, address, interface: node?.status?.interface },
      ...{ why: node && whyOf(node), restarts: node?.status?.restarts, heardAgoS: heardAgo ?? undefined },
    };
  });
  return ok(members);
}

/** Of each node that reported lately, by its name. Pure. */
export const newsOf = (view: HealthView | undefined): ReadonlyMap<string, NodeNews> =>
  new Map(
    view?.nodes.map((node) => [
      node.name,
      { why: whyOf(node), restarts: node.status?.restarts, heardAgoS: node.seenAgo },
    ]),
  );
