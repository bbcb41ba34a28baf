import { copyFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ownTlsVariables } from "../../src/gcs/tls.ts";
import { HTTP2_OVER_TLS } from "../fixtures/certificates.ts";
import { whyNoMachines } from "../fixtures/cluster/machines.ts";
import { MemberCluster } from "../fixtures/cluster/member-cluster.ts";
import { NODES_PROGRAM } from "../fixtures/cluster/nodes-program.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";
import { until } from "../fixtures/until.ts";

const CAPTURE = join(import.meta.dirname, "../machines/capture.py");
const obstacle = whyNoMachines();
let binDir: string;

beforeAll(async () => {
  binDir = await realRay();
});

describe.skipIf(obstacle !== undefined)(
  `machines that join by a token${obstacle ? `: ${obstacle}` : ""}`,
  () => {
    test("three of them are one cluster on the data network, whose Ray has no token on the wire, and stay it after the join token's end", async () => {
      const cluster = MemberCluster.open(binDir, 3);
      const [first, second, third] = cluster.machines;
      if (!first || !second || !third) throw new Error("no machines");
      await cluster.service({ RAY_EP_CLUSTER_RAY_TLS: "true" });
      const traffic = join(cluster.folder, "traffic");
      const capture = first.run("capture", "python3", [CAPTURE, traffic]);
      await capture.says("capturing");
      const token = await cluster.token({ expiresInS: 90 });
      await cluster.join(first, token, { RAY_EP_CANDIDATE: "true" }).says("✓ Ray cluster is ready!");
      const workers = [second, third].map((machine) => cluster.join(machine, token));
      for (const worker of workers) await worker.says("✓ Ray worker successfully joined the cluster!");
      const state = cluster.state(third);
      const rayToken = join(state, "ray-token");
      const env = {
        ...{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: rayToken },
        ...ownTlsVariables(state),
      };
      const driver = third.run("driver", join(binDir, "python"), ["-c", NODES_PROGRAM, first.data], env);
      await driver.says(`nodes at ${first.data} ${second.data} ${third.data}`);
      expect(await driver.exit()).toBe(0);
      capture.signal("SIGTERM");
      await capture.exit();
      const seen = readFileSync(traffic, "latin1");
      const inClear = ["ray.rpc.", readFileSync(rayToken, "utf8"), "PRIVATE KEY"];
      expect(seen.includes(HTTP2_OVER_TLS)).toBe(true);
      expect(inClear.filter((each) => seen.includes(each))).toEqual([]);
      expect(statSync(join(state, "ray-tls.key")).mode & 0o777).toBe(0o600);
    });

    test("Ray's token and the CA of its keys are renewed on all of them: the same cluster again, which knows the old token no more", async () => {
      const cluster = MemberCluster.open(binDir, 2);
      const [first, second] = cluster.machines;
      if (!first || !second) throw new Error("no machines");
      await cluster.service({ RAY_EP_CLUSTER_RAY_TLS: "true" });
      const token = await cluster.token();
      const head = cluster.join(first, token, { RAY_EP_CANDIDATE: "true" });
      await head.says("✓ Ray cluster is ready!");
      const worker = cluster.join(second, token);
      await worker.says("✓ Ray worker successfully joined the cluster!");
      const file = join(cluster.state(first), "ray-token");
      const old = join(cluster.folder, "old-token");
      copyFileSync(file, old);
      const signedBy = () => readFileSync(join(cluster.state(second), "ray-tls-ca.crt"), "utf8");
      const oldCa = signedBy();
      expect((await cluster.ask("POST", "/v1/ray-token", {})).status).toBe(200);
      for (const [node, ready] of [
        [head, "✓ Ray cluster is ready!"],
        [worker, "✓ Ray worker successfully joined the cluster!"],
      ] as const) {
        await node.says("(new token)");
        await until(
          "Ray again",
          () => node.stdout.split("(new token)")[1]?.includes(ready) ?? false,
          150_000,
        );
      }
      expect(head.stdout).toContain("✓ Same cluster as before");
      const drive = (path: string) =>
        second.run("driver", join(binDir, "python"), ["-c", NODES_PROGRAM, first.data], {
          ...{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: path },
          ...ownTlsVariables(cluster.state(second)),
        });
      expect(signedBy()).not.toBe(oldCa);
      const [known, unknown] = [drive(file), drive(old)];
      await known.says(`nodes at ${first.data} ${second.data}`);
      expect(await unknown.exit()).not.toBe(0);
    });
  },
);
