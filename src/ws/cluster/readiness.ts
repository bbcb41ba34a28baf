import { type ClusterView, newestNamed } from "../cluster-view.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver, Service } from "../drivers/driver.ts";

/** One look at a service: what shows that it is ready, what it lacks, or how it ended. */
export type Seen = { readonly ready: string } | { readonly notYet: string } | { readonly ended: string };

/** What is known when a service is judged. */
export interface Look {
  readonly name: string;
  readonly noun: Driver["noun"];
  /** The service now, and before this call of `ws` changed anything. */
  readonly now: Service | undefined;
  readonly before: Service | undefined;
  /** Its turn to start has been. */
  readonly started: boolean;
  /** What the GCS lists; undefined where none answers. */
  readonly view: ClusterView | undefined;
  /** Where a GCS answers but refuses our token. */
  readonly refusedAt: string | undefined;
  /** Ids of nodes that the GCS listed before: under the same name they are earlier lives. */
  readonly former: ReadonlySet<string>;
  /** What the health service answers to `GET /`. */
  readonly healthAnswer: { readonly ok: true } | { readonly ok: false; readonly error: string };
  /** What the test client's log says of its connection. */
  readonly clientWord: string | undefined;
}

const GONE = {
  container: "its container was removed meanwhile",
  process: "its process is gone",
} as const;

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

function judgeRunning(look: Look, { name, life }: Service): Seen {
  const { healthAnswer, clientWord } = look;
  if (name === HEALTH_NAME) return healthAnswer.ok ? { ready: "200 OK" } : { notYet: healthAnswer.error };
  if (name === TEST_CLIENT_NAME)
    return clientWord === undefined ? { notYet: "it has not connected yet" } : { ready: clientWord };
  return judgeNode(look, life === look.before?.life);
}

function judgeNode({ name, view, refusedAt, former }: Look, unchanged: boolean): Seen {
  if (refusedAt !== undefined) return { notYet: `the GCS at ${refusedAt} refuses our token` };
  if (view === undefined) return { notYet: "no GCS answers yet" };
  const node = newestNamed(
    unchanged ? view.nodes : view.nodes.filter(({ nodeId }) => !former.has(nodeId)),
    name,
  );
  if (node === undefined) return { notYet: "the GCS does not list it yet" };
  if (!node.alive) return { notYet: "the GCS lists it as DEAD" };
  return { ready: `${node.isHead ? "HEAD" : "WORKER"}, ALIVE` };
}
