import { span } from "../../common/output/units.ts";
import { STATE_WORDS, saysOf, whyOf } from "../../common/output/why.ts";
import type { NodeStatus } from "../../common/protocol/node-status.ts";
import type { ClusterView as HealthView } from "../../common/protocol/report-protocol.ts";
import type { NodeInfo } from "../../gcs/client.ts";
import { causeOf } from "../cluster/diagnosis.ts";
import { bad, good, note, type Said } from "./finding.ts";
import type { ClusterFacts } from "./look.ts";

export type ServiceFacts = Extract<ClusterFacts["services"], { ok: true }>["value"][number];

export const likely = (cause: string | undefined): string =>
  cause === undefined ? "" : ` Likely cause: ${cause}`;

const clock = (ms: number): string => new Date(ms).toISOString().slice(0, 19).concat("Z");

/** Of a node that runs here: what Ray says of it. */
export function listed({ name, log, nodeStatus }: ServiceFacts, node: NodeInfo | undefined): Said {
  if (node?.alive) return good(`${node.isHead ? "HEAD" : "WORKER"}, ALIVE${versions(nodeStatus)}`);
  const what = node === undefined ? "the GCS does not list it" : "the GCS lists it as DEAD";
  const since = nodeStatus?.waits ? `; it has waited since ${clock(nodeStatus.waits.since)}` : "";
  const cause = likely(causeOf(nodeStatus, log.split("\n")));
  return bad(`it runs, and ${what}${since}`, `Read ws logs ${name}: it says what it is waiting for.${cause}`);
}

/** Of a node on another machine: what it reported. */
export function elsewhere(node: HealthView["nodes"][number]): Said {
  const { name, state, silent, seenAgo, status } = node;
  const is = silent
    ? `it has been silent for ${span(seenAgo * 1000)}`
    : `it ${saysOf(status?.failure ? "failed" : STATE_WORDS[state])}`;
  const why = whyOf(node);
  const saw = `${is}${why === undefined ? "" : `: ${why}`}${versions(status)}; it is on another machine`;
  if (state === "stopped" && !status?.failure) return note(saw, "Start it there, if it is to take part.");
  return bad(saw, `Read what it wrote: ws logs ${name}.${likely(causeOf(status, []))}`);
}

/** What a node says of itself: its versions, how often it restarted its Ray and why last. */
export function versions(status: NodeStatus | undefined): string {
  if (status === undefined) return "";
  const { ray, version, restarts, fault } = status;
  const last = fault === null ? "" : `, the last for ${fault.reason} at ${clock(fault.at)}`;
  const past = restarts === 0 ? "" : `, restarts of Ray: ${restarts}${last}`;
  return ` (Ray ${ray ?? "unknown"}, ray-entrypoint ${version}${past})`;
}
