import { pause } from "../common/deadline.ts";
import { openWatcher } from "./look.ts";
import type { Plan } from "./plan.ts";
import type { Membership } from "./ready.ts";
import { Search } from "./search.ts";
import type { RunEnd, SuperviseWorld } from "./supervise.ts";
import { judge, type Look, NO_SIGNS } from "./watch.ts";

type WatchWorld = Pick<SuperviseWorld, "gcs" | "log" | "onAlive" | "onHeadSeen" | "seek" | "watchEveryMs">;

/**
 * Looks each second until something is wrong; a HEAD out of reach starts a search beside the looking.
 * Resolves with the end that this run must come to; never when `over` aborts first.
 */
export async function watchNode(
  plan: Plan,
  session: number,
  membership: Membership,
  world: WatchWorld,
  over: AbortSignal,
): Promise<RunEnd> {
  const watcher = openWatcher(world.gcs, membership, session);
  const search = new Search((signal) => world.seek(AbortSignal.any([signal, over])), membership);
  let signs = NO_SIGNS;
  while (await pause(world.watchEveryMs, over)) {
    const look = await watcher.look();
    if (over.aborted) break;
    if (look.gcs.kind === "serves") world.onHeadSeen();
    if (isAlive(look, membership)) world.onAlive(membership);
    const { verdict, signs: next } = judge(signs, look, plan, membership.clusterId);
    signs = next;
    if (verdict.kind === "trouble") return { kind: "trouble", trouble: verdict.trouble };
    const lost = verdict.kind === "head-out-of-reach" ? verdict.cause : null;
    if (search.found !== null) return { kind: "moved", settled: search.found };
    if (search.follow(lost !== null))
      world.log({ type: "head-out-of-reach", head: world.gcs.address, cause: lost });
  }
  return new Promise(() => {});
}

const isAlive = ({ gcs }: Look, { clusterId }: Membership): boolean =>
  gcs.kind === "serves" && gcs.alive && gcs.clusterId === clusterId;
