import type { PortRange } from "../firewall.ts";
import type { PortBlock } from "../protocol/join-protocol.ts";

/** All ports of a member's Ray: a candidate may be HEAD, which has some more. Pure. */
export function rangesOf(ports: PortBlock, candidate: boolean): PortRange[] {
  const { gcs, client, dashboard, nodeManager, objectManager, workers } = ports;
  const { agentHttp, agentGrpc, runtimeEnvAgent, metrics } = ports;
  const single = [nodeManager, objectManager, agentHttp, agentGrpc, runtimeEnvAgent, metrics];
  const ofHead = candidate ? [gcs, client, dashboard] : [];
  return [...ofHead.map((port) => [port, port] as const), ...joined(single), workers];
}

/** Neighbours become one range. */
function joined(ports: readonly number[]): PortRange[] {
  const ranges: [number, number][] = [];
  for (const port of ports.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === port - 1) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges;
}
