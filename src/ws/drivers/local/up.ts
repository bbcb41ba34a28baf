import { err, ok, type Result } from "../../../common/result.ts";
import { refusalOf } from "../../cluster/token-refusal.ts";
import { planUp, type RunningService } from "../../cluster/up-plan.ts";
import { interrupted, type WsFailure } from "../../failure.ts";
import { HEALTH_NAME } from "../../settings.ts";
import { keepSecrets } from "../../state/secrets.ts";
import type { Job, UpOptions, UpReport } from "../runtime.ts";
import type { EmbeddedCluster } from "./cluster.ts";
import { findTakenPorts } from "./free-ports.ts";
import { type Machine, type ProcessPlan, planHealth, planNode } from "./plan.ts";
import { machineOf, prepare } from "./prepare.ts";
import { reportCluster } from "./report.ts";
import { startMissing } from "./start-missing.ts";
import type { StartedProcess } from "./state.ts";
import { findProcesses } from "./stop.ts";
import { takeDown } from "./take-down.ts";
import { changedSince, hasChanged } from "./wait.ts";

/**
 * Brings the processes in line with config.yaml. It changes nothing before it has checked that the ports are free,
 * and before `agree` has accepted the plan for what runs.
 */
export async function up(
  cluster: EmbeddedCluster,
  job: Job,
  { agree, begin }: UpOptions,
): Promise<Result<UpReport, WsFailure>> {
  const refusal = await refusalOf(cluster.ownHeads());
  if (refusal !== undefined) return err(refusal);
  const plans = mainPlans(cluster, machineOf(cluster));
  const running = cluster.running().filter(({ kind }) => kind === "health" || kind === "node");
  // Checked before Ray is installed, which takes a minute.
  const ours = new Set(findProcesses(cluster.folders, () => true).map(({ pid }) => pid));
  const taken = await findTakenPorts(
    plans.flatMap(({ ports }) => ports),
    ours,
  );
  if (taken.length > 0) return err({ reason: "ports-taken", ports: taken });
  const services = servicesThatRun(running, plans, running.length > 0 ? await cluster.headNode() : undefined);
  const agreed = await agree(
    planUp(
      plans.map(({ name }) => name),
      services,
    ),
  );
  if (!agreed.ok) return agreed;
  const machine = await prepare(cluster, job);
  if (!machine.ok) return machine;
  const leaving = services.filter(({ change }) => change !== undefined).map(({ name }) => name);
  const cleared = await clear(cluster, leaving, job);
  if (!cleared.ok) return cleared;
  begin();
  const bringBack = keepSecrets(cluster.stateDir, "embedded", cluster.env);
  const started = await startMissing(cluster, plans, job);
  if (!started.ok) bringBack();
  return started.ok
    ? ok({ started: started.value, cluster: await reportCluster(cluster), warnings: [] })
    : started;
}

const mainPlans = ({ settings }: EmbeddedCluster, machine: Machine): ProcessPlan[] => [
  ...(settings.health.enabled ? [planHealth(settings, machine)] : []),
  ...settings.nodes.map((node) => planNode(settings, node, machine)),
];

/** What runs, and what to do with it. `head`: the node whose GCS answers; undefined if none does. Pure. */
export function servicesThatRun(
  running: readonly StartedProcess[],
  plans: readonly ProcessPlan[],
  head: string | undefined,
): RunningService[] {
  return running.map((started) => {
    const plan = plans.find(({ name }) => name === started.name);
    return {
      name: started.name,
      isNode: started.name !== HEALTH_NAME,
      isHead: head === undefined ? undefined : started.name === head,
      change:
        plan === undefined
          ? { action: "stop", why: "config.yaml no longer asks for it" }
          : hasChanged(plan, started)
            ? { action: "replace", why: changedSince(started) }
            : undefined,
    };
  });
}

async function clear(
  cluster: EmbeddedCluster,
  names: readonly string[],
  { progress, signal }: Job,
): Promise<Result<void, WsFailure>> {
  if (names.length === 0) return ok(undefined);
  progress.begin("clear", `Stopping ${names.join(", ")}`);
  const gone = await takeDown(cluster, names, signal, { progress, id: "clear" });
  if (!gone.ok) return gone;
  progress.done("clear", `Stopped ${names.join(", ")}`);
  return signal.aborted ? err(interrupted(signal)) : ok(undefined);
}
