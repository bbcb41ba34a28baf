import type { Problem } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Settings } from "../settings.ts";
import type { HostFacts } from "./host-facts.ts";
import { clampLimits, type Limits } from "./limits.ts";
import { type NodePorts, type PlannedNode, planPorts } from "./port-plan.ts";

/** The wishes of config.yaml cut to one machine: what both compose files are made from. */
export interface HostPlan {
  /** Under which containers reach this machine's published ports. */
  readonly ipAddress: string;
  /** True: ray-gpu reserves the GPUs. Only where there are some, since the engine refuses to start it otherwise. */
  readonly gpu: boolean;
  readonly buildContext: string;
  readonly nodes: ReadonlyMap<PlannedNode, NodePlan>;
  readonly warnings: readonly Problem[];
}

export interface NodePlan {
  readonly limits: Limits;
  readonly ports: NodePorts;
}

/** Fits the settings to the machine; an error where nothing sensible can be written. Pure. */
export function planHost(settings: Settings, facts: HostFacts): Result<HostPlan, readonly Problem[]> {
  const ipAddress = settings.hostIpAddress ?? facts.ipAddress;
  if (ipAddress === undefined) return err([noAddress]);
  const ports = planPorts(settings, facts.ephemeralPorts);
  const wanted = [...settings.nodes, settings.test.worker];
  const clamped = wanted.map((each) => ({ name: each.name, ...clampLimits(each.name, each, facts) }));
  const nodes = new Map<PlannedNode, NodePlan>();
  for (const { name, limits } of clamped) {
    const own = ports.nodes.get(name);
    if (own !== undefined) nodes.set(name, { limits, ports: own });
  }
  const warnings = [
    ...clamped.flatMap((each) => each.warnings),
    ...ports.warnings,
    ...(settings.hostHasGpu === true && !facts.hasGpu ? [noGpu] : []),
  ];
  return ok({
    ipAddress,
    gpu: facts.hasGpu && settings.hostHasGpu !== false,
    buildContext: facts.buildContext,
    nodes,
    warnings,
  });
}

/** The plan of a node that is switched on; every one of them has one. */
export function nodePlan(host: HostPlan, name: PlannedNode): NodePlan {
  const plan = host.nodes.get(name);
  if (plan === undefined) throw new Error(`no plan for ${name}`);
  return plan;
}

const noAddress: Problem = {
  where: "host.ip_address",
  problem: "expected an address of this machine that containers reach, and found none",
  fix: "Set host.ip_address in config.yaml to this machine's IPv4 address.",
};

const noGpu: Problem = {
  where: "host.has_gpu",
  problem: "is true, and no NVIDIA GPU was found on this machine: ray-gpu starts without one",
  fix: "Install the NVIDIA driver and container toolkit, or set it to false.",
};
