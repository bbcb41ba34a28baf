import type { ClusterView } from "../../common/lease-protocol.ts";
import type { Service } from "../service.ts";
import { renderMetrics } from "./metrics.ts";
import { Paced } from "./paced.ts";

type Untold = Omit<Service, "texts">;

/** Without the nodes, so that its length does not depend on the number of reports. */
export function viewLease({ version, now, startedAtMs, lease }: Untold): ClusterView {
  return {
    service: "ray-entrypoint-health",
    version,
    uptime: (now() - startedAtMs) / 1000,
    ...lease.view(),
    nodes: [],
  };
}

/** The service with the texts that are shared by many readers. */
export const withTexts = (service: Untold): Service => ({
  ...service,
  texts: {
    cluster: new Paced(() => renderCluster(service), service.now),
    metrics: new Paced(() => renderMetrics(service), service.now),
  },
});

/** Readers accept 1 MiB; this leaves room for the lease. A thousand nodes need a third of it. */
const LONGEST_LIST = 1024 * 1024 - 8 * 1024;

/** The body of `GET /v1/cluster`; nodes for which the list has no room are only counted. */
function renderCluster(service: Untold): string {
  const all = service.nodes.list();
  const texts: string[] = [];
  let left = LONGEST_LIST;
  for (const node of all) {
    const text = JSON.stringify(node);
    left -= Buffer.byteLength(text) + 1;
    if (left < 0) break;
    texts.push(text);
  }
  const omitted = all.length - texts.length;
  const { nodes: _, ...view } = viewLease(service);
  const start = JSON.stringify(omitted > 0 ? { ...view, omitted } : view);
  return `${start.slice(0, -1)},"nodes":[${texts.join(",")}]}\n`;
}
