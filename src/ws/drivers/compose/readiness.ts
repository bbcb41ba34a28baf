import { type ClusterView, newestNamed } from "../../cluster-view.ts";
import { HEALTH_NAME, TEST_CLIENT_NAME } from "../../settings.ts";
import { type Container, sameLife } from "./containers.ts";

/** One look at a service: what shows that it is ready, what it lacks, or how it ended. */
export type Seen =
  | { readonly ready: string }
  | { readonly notYet: string }
  | { readonly ended: string; readonly container: Container | undefined };

/** What is known when a service is judged. */
export interface Look {
  readonly service: string;
  /** The container now, and before this call of `ws` changed anything. */
  readonly now: Container | undefined;
  readonly before: Container | undefined;
  /** This start's own container has been seen running. */
  readonly ran: boolean;
  /** Compose has done its work: a container that is the same as before stays. */
  readonly composed: boolean;
  /** What the GCS lists; undefined where none answers. */
  readonly view: ClusterView | undefined;
  /** A GCS answers but refuses our token. */
  readonly tokenRefused?: boolean;
  /** Ids of nodes that the GCS listed before: under the same name they are earlier lives. */
  readonly former: ReadonlySet<string>;
  /** What the health service answers to `GET /`. */
  readonly healthAnswer: { readonly ok: true } | { readonly ok: false; readonly error: string };
  /** What the test client's log says of its connection. */
  readonly clientWord: string | undefined;
}

const REMOVED: Seen = { ended: "its container was removed meanwhile", container: undefined };

/** Judges one service. Pure. */
export function judgeService(look: Look): Seen {
  const { now, before } = look;
  if (now === undefined) return look.ran ? REMOVED : { notYet: "its container does not exist yet" };
  if (sameLife(now, before) && !look.composed) return { notYet: "compose has not come to it yet" };
  if (!now.running && sameLife(now, before))
    return { notYet: `its container is ${now.status}, not started again yet` };
  const end = endOf(now, now.id === before?.id ? before.restarts : 0);
  if (end !== undefined) return { ended: end, container: now };
  return now.running ? judgeRunning(look, now) : { notYet: `its container is ${now.status}` };
}

function judgeRunning(look: Look, now: Container): Seen {
  const { service, before } = look;
  if (service === HEALTH_NAME)
    return look.healthAnswer.ok ? { ready: "200 OK" } : { notYet: look.healthAnswer.error };
  if (service === TEST_CLIENT_NAME)
    return look.clientWord === undefined
      ? { notYet: "it has not connected yet" }
      : { ready: look.clientWord };
  return judgeNode(look, sameLife(now, before));
}

function judgeNode({ service, view, tokenRefused, former }: Look, unchanged: boolean): Seen {
  if (tokenRefused === true) return { notYet: "the GCS refuses our token" };
  if (view === undefined) return { notYet: "no GCS answers yet" };
  const nodes = unchanged ? view.nodes : view.nodes.filter(({ nodeId }) => !former.has(nodeId));
  const node = newestNamed(nodes, service);
  if (node === undefined) return { notYet: "the GCS does not list it yet" };
  if (!node.alive) return { notYet: "the GCS lists it as DEAD" };
  return { ready: `${node.isHead ? "HEAD" : "WORKER"}, ALIVE` };
}

/** How a container ended; undefined while there is hope. A restart policy turns an end into a restart, which counts all the same. */
function endOf(container: Container, restartsBefore: number): string | undefined {
  const { status, exitCode, restarts, error, outOfMemory } = container;
  if (error !== "") return `the engine could not start it: ${error}`;
  const ended = status === "exited" || status === "dead" || restarts > restartsBefore;
  if (!ended) return undefined;
  const again = restarts > 0 ? `, restarted ${restarts} times` : "";
  return outOfMemory ? `out of memory (exit code ${exitCode})${again}` : `exit code ${exitCode}${again}`;
}
