import { DEFAULT_PORTS, type PortBlock } from "../../common/protocol/join-protocol.ts";
import { TLS_PORT } from "../compose/machine.ts";
import type { PlannedPort } from "../drivers/local/plan.ts";
import type { Machine } from "../state/machine.ts";

const USES: Readonly<Record<Exclude<keyof PortBlock, "workers">, string>> = {
  ...{ gcs: "GCS", client: "Ray Client", dashboard: "dashboard", nodeManager: "node manager" },
  ...{ objectManager: "object manager", agentHttp: "dashboard agent", agentGrpc: "dashboard agent" },
  ...{ runtimeEnvAgent: "runtime environments", metrics: "metrics" },
};
const OF_HEAD = ["gcs", "client", "dashboard"];

/** Every port that this machine's part listens on. Pure. */
export function portsOf({ candidate, advertise }: Machine, httpPort: number): PlannedPort[] {
  const [min, max] = DEFAULT_PORTS.workers;
  const one = (port: number, use: string): PlannedPort => ({ host: "0.0.0.0", port, use });
  return [
    ...(advertise === undefined && !candidate
      ? []
      : [one(TLS_PORT, "health service, TLS"), one(httpPort, "health service")]),
    ...Object.entries(USES)
      .filter(([key]) => candidate || !OF_HEAD.includes(key))
      .map(([key, use]) => one(DEFAULT_PORTS[key as keyof typeof USES], use)),
    ...Array.from({ length: max - min + 1 }, (_, i) => one(min + i, "workers")),
  ];
}
