import type { Service } from "../service.ts";

/** Readers accept 1 MiB; this leaves room for the lease. A thousand nodes need a third of it. */
const MAX_LIST = 1024 * 1024 - 8 * 1024;

/** The body of `GET /v1/cluster`; nodes for which the list has no room are only counted. */
export function clusterText(service: Service): string {
  const all = service.registry.list();
  const texts: string[] = [];
  let left = MAX_LIST;
  for (const node of all) {
    const text = JSON.stringify(node);
    left -= Buffer.byteLength(text) + 1;
    if (left < 0) break;
    texts.push(text);
  }
  const omitted = all.length - texts.length;
  const { nodes: _, ...view } = service.view();
  const start = JSON.stringify(omitted > 0 ? { ...view, omitted } : view);
  return `${start.slice(0, -1)},"nodes":[${texts.join(",")}]}\n`;
}
