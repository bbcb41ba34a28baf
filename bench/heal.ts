import {
  ALL,
  BOOT_MS,
  boot,
  CPU,
  closeScene,
  EXTRA,
  GPU,
  type Scene,
  startNode,
  wholeScene,
} from "../test/faults/rig.ts";
import { realRay } from "../test/fixtures/cluster/real-ray.ts";
import { kill } from "../test/fixtures/cluster/tagged.ts";
import { until } from "../test/fixtures/until.ts";
import { rayAlone } from "./ray-alone.ts";
import type { Row } from "./row.ts";

/** As long as the lease lives, so that neither waits for the other. */
const TAKEOVER_S = 15;
const LONG_MS = 4 * BOOT_MS;

interface Restart {
  /** Seconds from the restarted HEAD's GCS answering to `ray start` of the last worker started anew. */
  readonly restartedS: number;
  /** … to every node ALIVE again. */
  readonly wholeS: number;
}

/** How long a cluster of real Ray takes to be whole again, against Ray without a supervisor, in one run. */
export async function benchHeal(): Promise<Row[]> {
  const alone = await rayAlone(await realRay());
  const backS = await comesBack();
  const scene = await wholeScene({ env: { RAY_EP_TAKEOVER_AFTER: String(TAKEOVER_S) } });
  let restart: Restart;
  let handoverS: number;
  let takeoverS: number;
  try {
    restart = await headRestarted(scene);
    handoverS = await cleanStop(scene);
    takeoverS = await headKilled(scene);
  } catch (error) {
    scene.cluster.show();
    throw error;
  } finally {
    await closeScene(scene);
  }
  const against = (seconds: number) => seconds / alone.noticedS;
  const plain = { unit: "s", ratio: null, aim: null };
  const atMost = (than: number) => ({ value: "at most", than }) as const;
  const { restartedS, wholeS } = restart;
  const gone = alone.gone ? "the worker's Ray is gone" : "the worker's Ray has not even noticed";
  return [
    { ...plain, name: `HEAD restarted: Ray alone, until ${gone}`, value: alone.noticedS },
    {
      name: "HEAD restarted: until the workers' Ray was started anew",
      value: restartedS,
      unit: "s",
      ratio: against(restartedS),
      aim: atMost(2),
    },
    {
      name: "HEAD restarted: until every node is ALIVE",
      value: wholeS,
      unit: "s",
      ratio: against(wholeS),
      aim: atMost(12),
    },
    {
      ...plain,
      name: "HEAD alone: Ray's own start of it, until the GCS lists it as ALIVE",
      value: alone.bootS,
    },
    {
      name: "HEAD killed and started again: from the kill until it is ready, as the same cluster",
      value: backS,
      unit: "s",
      ratio: backS / alone.bootS,
      aim: atMost(5),
    },
    {
      ...plain,
      name: "HEAD stopped: from its end until the next one's GCS serves",
      value: handoverS,
      aim: atMost(10),
    },
    {
      ...plain,
      name: `HEAD killed: until the next one's GCS serves (RAY_EP_TAKEOVER_AFTER ${TAKEOVER_S})`,
      value: takeoverS,
      aim: atMost(TAKEOVER_S + 10),
    },
  ];
}

/** A HEAD that keeps the state of its cluster. */
async function comesBack(): Promise<number> {
  const scene = await wholeScene({ names: [CPU], keepsState: true });
  try {
    scene.cluster.process(CPU).signal("SIGKILL");
    const seconds = (await boot(scene, CPU)) / 1000;
    const { text } = scene.cluster.process(CPU);
    if (!text.includes("✓ Same cluster")) throw new Error(`expected the same cluster, got:\n${text}`);
    return seconds;
  } finally {
    await closeScene(scene);
  }
}

async function headRestarted({ cluster }: Scene): Promise<Restart> {
  const workers = [GPU, EXTRA];
  const leaderOf = (name: string) => cluster.ray(name).find(({ pid, session }) => pid === session)?.pid;
  const old = await cluster.gcs(CPU).clusterId(2000);
  const before = workers.map(leaderOf);
  const head = leaderOf(CPU);
  if (!old.ok || head === undefined) throw new Error("expected a HEAD that serves");
  kill(head, "SIGKILL");
  await until(
    "the new GCS",
    async () => {
      const id = await cluster.gcs(CPU).clusterId(1000);
      return id.ok && id.value !== old.value;
    },
    LONG_MS,
  );
  const began = performance.now();
  await until(
    "the workers' new Ray",
    () =>
      workers.every((name, i) => {
        const now = leaderOf(name);
        return now !== undefined && now !== before[i];
      }),
    LONG_MS,
  );
  const restartedS = since(began);
  await cluster.becomes(ALL, LONG_MS);
  return { restartedS, wholeS: since(began) };
}

/** Leaves the cluster whole, with ray-gpu as its HEAD. */
async function cleanStop(scene: Scene): Promise<number> {
  const { cluster } = scene;
  cluster.process(CPU).signal("SIGTERM");
  await cluster.process(CPU).exit();
  const seconds = await untilServes(scene, GPU);
  // Its own word, since the GCS lists it a moment before it knows: a HEAD that dies just then is another case.
  await startNode(scene, CPU).says("✓ Ray worker successfully joined", LONG_MS);
  await cluster.becomes(ALL, LONG_MS);
  return seconds;
}

function headKilled(scene: Scene): Promise<number> {
  scene.cluster.process(GPU).signal("SIGKILL");
  return untilServes(scene, CPU);
}

async function untilServes({ cluster }: Scene, name: string): Promise<number> {
  const began = performance.now();
  await until(`${name} to lead`, async () => (await cluster.gcs(name).clusterId(1000)).ok, LONG_MS);
  return since(began);
}

const since = (beganMs: number): number => (performance.now() - beganMs) / 1000;
