import { DEFAULT_PORTS, type PortBlock } from "../../common/protocol/join-protocol.ts";
import { err, ok } from "../../common/result.ts";
import { TLS_PORT } from "../compose/machine.ts";
import type { PlannedPort } from "../drivers/local/plan.ts";
import { findTakenPorts } from "../drivers/local/taken-ports.ts";
import type { Attempt } from "../failure.ts";
import { lastUp } from "../state/last-up.ts";
import type { Machine } from "../state/machine.ts";

/** Whether this machine can become a member, before minutes are spent on its image. */
export async function preflight(machine: Machine, stateDir: string): Attempt {
  if (lastUp(stateDir) !== undefined)
    return err({
      reason: "other-cluster",
      what: "a cluster of its own (ws up)",
      fix: "Take it down first: ws down. Its state stays.",
    });
  const ports = await findTakenPorts(portsOf(DEFAULT_PORTS, machine));
  return ports.length === 0 ? ok(undefined) : err({ reason: "ports-taken", ports });
}

const USES: Readonly<Record<Exclude<keyof PortBlock, "workers">, string>> = {
  ...{ gcs: "GCS", client: "Ray Client", dashboard: "dashboard", nodeManager: "node manager" },
  ...{ objectManager: "object manager", agentHttp: "dashboard agent", agentGrpc: "dashboard agent" },
  ...{ runtimeEnvAgent: "runtime environments", metrics: "metrics" },
};

/** Every port that this machine's part listens on, at all its addresses. Pure. */
export function portsOf(block: PortBlock, { candidate, advertise }: Machine): PlannedPort[] {
  const [min, max] = block.workers;
  const ofHead = ["gcs", "client", "dashboard"];
  const one = (port: number, use: string): PlannedPort => ({ host: "0.0.0.0", port, use });
  return [
    ...(advertise === undefined ? [] : [one(TLS_PORT, "health service, TLS")]),
    ...Object.entries(USES)
      .filter(([key]) => candidate || !ofHead.includes(key))
      .map(([key, use]) => one(block[key as keyof typeof USES], use)),
    ...Array.from({ length: max - min + 1 }, (_, i) => one(min + i, "workers")),
  ];
}
