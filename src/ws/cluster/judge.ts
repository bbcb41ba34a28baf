import type { Result } from "../../common/result.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import { type GcsSnapshot, newestNamed } from "./snapshot.ts";

/** One look at a service: what shows that it is ready, what it lacks, or how it ended. */
export type Seen = { readonly ready: string } | { readonly notYet: string } | { readonly ended: string };

export interface Look {
  /** Ids of nodes that the GCS listed before: under the same name they are earlier runs. */
  readonly former: ReadonlySet<string>;
  readonly name: string;
  readonly noun: Driver["noun"];
  readonly now: Service | undefined;
  readonly before: Service | undefined;
  readonly started: boolean;
  readonly gcs: Pick<GcsSnapshot, "view" | "noHead">;
  readonly health: Result<void, string>;
  readonly clientWord: string | undefined;
}

const GONE = { container: "its container was removed meanwhile", process: "its process is gone" } as const;

/** Judges one service. Pure. */
export function judgeService(look: Look): Seen {
  const { now, before, noun } = look;
  if (!look.started) return { notYet: "its turn to start has not come yet" };
  if (now === undefined) return { ended: GONE[noun] };
  // A restart policy turns an end into a restart, which counts all the same.
  const restartsBefore = now.ref === before?.ref ? before.restarts : 0;
  if (now.ended || now.restarts > restartsBefore) return { ended: now.exit };
  return now.running ? judgeRunning(look, now) : { notYet: `its ${noun} is ${now.status}` };
}

function judgeRunning({ before, former, gcs, health, clientWord }: Look, now: Service): Seen {
  const { name, life } = now;
  if (name === HEALTH_NAME) return health.ok ? { ready: "200 OK" } : { notYet: health.error };
  if (name === TEST_CLIENT_NAME)
    return clientWord === undefined ? { notYet: "it has not connected yet" } : { ready: clientWord };
  const { view, noHead } = gcs;
  if (noHead?.reason === "wants-token") return { notYet: `the GCS at ${noHead.at} refuses our token` };
  if (view === undefined) return { notYet: "no GCS answers yet" };
  const isNew = life !== before?.life;
  // A GCS that kept its state lists nodes that it had when it ended.
  const isFormer = ({ nodeId, startedAtMs: at }: NodeInfo) =>
    former.has(nodeId) || (at > 0 && at < now.startedAtMs);
  const lives = view.nodes.filter((each) => !isNew || !isFormer(each));
  const node = newestNamed(lives, name);
  if (node === undefined) return { notYet: "the GCS does not list it yet" };
  if (!node.alive) return { notYet: "the GCS lists it as DEAD" };
  return { ready: `${node.isHead ? "HEAD" : "WORKER"}, ALIVE` };
}
