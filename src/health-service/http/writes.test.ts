import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { clusterStore } from "../../../test/fixtures/cluster-store.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { readEnvironment } from "../../common/environment.ts";
import { Cluster } from "../cluster/cluster.ts";
import { VARIABLES } from "../config.ts";
import { Service } from "../service.ts";
import { createHealthServer } from "./server.ts";

test("a request for the lease whose body comes after another service has taken over is granted nothing", async () => {
  const log = () => {};
  const store = clusterStore();
  const own = { store, admin: "admin", pin: "", now: monotonicMs, wallNow: Date.now, graceMs: 0, log };
  const config = readEnvironment(VARIABLES, {}).values;
  const memory = { file: null, recalled: { kind: "none" } } as const;
  const around = { now: monotonicMs, pause, log, cluster: new Cluster(own) };
  const service = new Service({ version: "1.2.3", instance: "run-1", config, ...memory, ...around });
  const server = createHealthServer(service);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  try {
    const asked = { node: "m2", life: "l", address: "m2:6379", clusterId: null, epoch: null };
    const body = JSON.stringify({ ...asked, others: "silent" });
    const words = ["PUT /v1/head HTTP/1.1", "host: a", "authorization: Bearer admin"];
    const json = ["content-type: application/json", `content-length: ${body.length}`];
    socket.write(`${[...words, ...json].join("\r\n")}\r\n\r\n`);
    await once(server, "request");
    await store.inLine(() => store.heard({ term: 2, leader: "m2:8443" }));
    socket.write(body);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 503 .*"reason":"standby"/s);
  } finally {
    socket.destroy();
    server.close();
  }
});
