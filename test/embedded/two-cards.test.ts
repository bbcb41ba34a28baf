import { beforeAll, describe, expect, test } from "vitest";
import { Machines, whyNoMachines } from "../fixtures/cluster/machines.ts";
import { NODES_PROGRAM } from "../fixtures/cluster/nodes-program.ts";
import { realRay } from "../fixtures/cluster/real-ray.ts";

const obstacle = whyNoMachines();
let binDir: string;

beforeAll(async () => {
  binDir = await realRay();
});

describe.skipIf(obstacle !== undefined)(`machines with two cards${obstacle ? `: ${obstacle}` : ""}`, () => {
  test("C2 the card that the whitelist names is Ray's, though the default route is another's", async () => {
    const machines = Machines.open();
    const hosts = ["10.88.0.1 gpu01", "10.88.0.2 gpu02"];
    const [first, second] = ["gpu01", "gpu02"].map((hostname) => machines.add({ binDir, hostname, hosts }));
    if (!first || !second) throw new Error("no machines");
    const whitelist = { HEAD_WHITELIST: `gpu01=${first.data}:6379 gpu02=${second.data}:6379` };
    const env = { ...whitelist, HEALTH_URL: `http://${first.data}:8080` };
    await first.health(whitelist).says("8080");
    const head = first.node(env);
    await head.says("✓ Ray cluster is ready!");
    const worker = second.node(env);
    await worker.says("✓ Ray worker successfully joined the cluster!");

    const client = second.run("client", `${binDir}/python`, ["-c", NODES_PROGRAM, first.data]);
    await client.says(`nodes at ${first.data} ${second.data}`);
    expect(await client.exit()).toBe(0);
    expect(head.text).toContain("10.77.0.1 (data0)");
  });

  test("C3 a name that /etc/hosts maps to 127.0.1.1, as Debian does: the HEAD finds itself", async () => {
    const machine = Machines.open().add({ binDir, hostname: "gpu01", hosts: ["127.0.1.1 gpu01"] });
    const env = { HEAD_WHITELIST: "gpu01", HEALTH_URL: "http://127.0.0.1:8080" };
    await machine.health({ HEAD_WHITELIST: "gpu01" }).says("8080");
    const head = machine.node({ ...env, RAY_EP_READY_TIMEOUT: "40" });
    await head.says("✓ Ray cluster is ready!");
    expect(head.text).toContain(`${machine.management}:6379`);
  });
});
