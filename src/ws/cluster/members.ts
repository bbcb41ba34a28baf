import { Members } from "../../common/protocol/admin-protocol.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Driver } from "../drivers/driver.ts";
import { healthView } from "./snapshot.ts";

/** What the health service knows of one member of a cluster of several machines. */
export interface MemberReport {
  readonly name: string;
  readonly candidate: boolean;
  /** What its node advertises, and the network card that has it. */
  readonly address: string;
  readonly interface: string | undefined;
  /** It said that it ends, and nothing since. */
  readonly stopped: boolean;
  /** What troubles it, or did last; undefined: nothing. */
  readonly why: string | undefined;
  /** Of Ray, since its entrypoint started. */
  readonly restarts: number | undefined;
  /** Seconds; undefined: never since the service started. */
  readonly heardAgoS: number | undefined;
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
    const { status, state } = view?.nodes.find((node) => node.name === name) ?? {};
    return {
      stopped: state === "stopped",
      ...{ name, candidate, address, interface: status?.interface },
      ...{ why: status && whyOf(status), restarts: status?.restarts, heardAgoS: heardAgo ?? undefined },
    };
  });
  return ok(members);
}

/** The first that holds. Pure. */
export function whyOf({ reach, waits, fault }: NodeStatus): string | undefined {
  if (reach !== null && !["reached", "busy", "not-known"].includes(reach.result))
    return `not reached at ${reach.at} (${reach.result})`;
  if (waits !== null) return `waits: ${waits.kind}${waits.node === null ? "" : ` ${waits.node}`}`;
  return fault === null
    ? undefined
    : `last: ${fault.reason} at ${new Date(fault.at).toISOString().slice(0, 19)}Z`;
}
