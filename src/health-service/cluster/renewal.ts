import { sameHost } from "../../common/address.ts";
import type { ClusterNews, ClusterView } from "../../common/protocol/report-protocol.ts";

type Node = Pick<ClusterView["nodes"][number], "name" | "role" | "state" | "rayTokenId">;

/**
 * The news for this member, whose report names a token of Ray's (`own`). Of another one a HEAD hears first, while it runs with the
 * one before: it would refuse a node that has the new one. Pure.
 */
export function newsFor(
  { name, own }: { readonly name: string; readonly own: number | undefined },
  { rayTokenId, ...news }: ClusterNews,
  nodes: () => readonly Node[],
): ClusterNews {
  const mayHear = (head: Node) =>
    head.role !== "head" ||
    head.state === "stopped" ||
    head.rayTokenId === rayTokenId ||
    sameHost(head.name, name);
  return own === rayTokenId || nodes().every(mayHear) ? { ...news, rayTokenId } : news;
}
