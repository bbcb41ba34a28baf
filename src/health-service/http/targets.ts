import type { ClusterView } from "../../common/protocol/report-protocol.ts";

/** A group of Prometheus' HTTP service discovery. */
interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Where Ray's own metrics are, of each node that is ALIVE, with its name and role as labels. Pure. */
export const prometheusTargets = (nodes: ClusterView["nodes"]): TargetGroup[] =>
  nodes.flatMap(({ name, role, state, silent, status }) => {
    const { address, metricsPort } = status?.alive ?? {};
    const isAlive = (state === "ready" || state === "watching") && !silent;
    return isAlive && metricsPort !== undefined
      ? [{ targets: [`${address}:${metricsPort}`], labels: { ray_node: name, ray_role: role ?? "none" } }]
      : [];
  });
