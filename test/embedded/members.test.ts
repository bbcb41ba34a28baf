import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { whyNoMachines } from "../fixtures/cluster/machines.ts";
import { MemberCluster } from "../fixtures/cluster/member-cluster.ts";
import { NODES_PROGRAM } from "../fixtures/cluster/nodes-program.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

const obstacle = whyNoMachines();
let binDir: string;

beforeAll(async () => {
  binDir = await realRay();
});

describe.skipIf(obstacle !== undefined)(
  `machines that join by a token${obstacle ? `: ${obstacle}` : ""}`,
  () => {
    test("three of them are one cluster on the data network, and stay it after the token's end", async () => {
      const cluster = MemberCluster.open(binDir, 3);
      const [first, second, third] = cluster.machines;
      if (!first || !second || !third) throw new Error("no machines");
      await cluster.service();
      const token = await cluster.token({ expiresInS: 30 });
      await cluster.join(first, token, { RAY_EP_CANDIDATE: "true" }).says("✓ Ray cluster is ready!");
      const workers = [second, third].map((machine) => cluster.join(machine, token));
      for (const worker of workers) await worker.says("✓ Ray worker successfully joined the cluster!");
      const env = {
        RAY_AUTH_MODE: "token",
        RAY_AUTH_TOKEN_PATH: join(cluster.state(first), "ray-token"),
      };
      const driver = third.run("driver", join(binDir, "python"), ["-c", NODES_PROGRAM, first.data], env);
      await driver.says(`nodes at ${first.data} ${second.data} ${third.data}`);
      expect(await driver.exit()).toBe(0);
    });
  },
);
