import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Members } from "../../src/common/protocol/join-protocol.ts";
import { MemberService } from "../fixtures/members.ts";

let service: MemberService;

beforeEach(async () => {
  service = await new MemberService().start();
});
afterEach(() => service.remove());

const report = (life: string) => ({
  ...{ life, role: "worker", state: "watching", head: null, advertise: "127.0.0.1", nodeManagerPort: null },
});
const ask = (node: string, address = "127.0.0.1:6379") => ({
  ...{ node, life: `${node}-1`, address, clusterId: null, epoch: null, others: "answered", strict: false },
});

test("a machine joins by a token, reports, leads, is removed, and is told so after a restart too", async () => {
  const { as, credential, ...joined } = await service.join("gpu01");
  expect(joined).toMatchObject({
    candidates: "gpu01=127.0.0.1:6379",
    cluster: { name: "ray" },
    ray: "2.60.0",
  });
  const noted = await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as);
  expect(noted.body.news).toEqual({
    candidates: "gpu01=127.0.0.1:6379",
    services: [`127.0.0.1:${service.port}`],
  });
  expect((await service.call("PUT", "/v1/head", ask("gpu01"), as)).body).toMatchObject({ granted: true });
  const { body } = await service.admin("GET", "/v1/members");
  expect(Members.parse(body).members).toMatchObject([{ name: "gpu01", candidate: true }]);
  expect((await service.admin("DELETE", "/v1/members/gpu01")).status).toBe(200);
  for (const _ of ["now", "after a restart"]) {
    const after = await service.call("PUT", "/v1/nodes/gpu01", report("gpu01-1"), as);
    expect(after).toMatchObject({ status: 403, body: { reason: "removed" } });
    expect((await service.admin("GET", "/v1/cluster")).body).toMatchObject({ holder: null, nodes: [] });
    await service.stop();
    await service.start();
  }
  expect(credential).not.toBe("");
});

test("without TLS it only says that it lives, and its files are its user's alone", async () => {
  const plain = (path: string) => service.process?.call("GET", path);
  expect(await plain("/")).toEqual({ status: 200, body: "OK" });
  for (const path of ["/v1/cluster", "/v1/head", "/v1/members", "/metrics"])
    expect(await plain(path)).toMatchObject({ status: 404 });
  const mode = (path: string) => statSync(path).mode & 0o777;
  expect(mode(service.folder)).toBe(0o700);
  for (const file of ["cluster.json", "admin-token", "ca.crt", "lease.json"])
    expect(mode(join(service.folder, file))).toBe(0o600);
});
