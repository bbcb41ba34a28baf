import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { EMPTY_CLUSTER } from "../../../test/fixtures/cluster-store.ts";
import { fetchCa, pinOf, secureCall } from "../../common/net/pinned-tls.ts";
import { overTls } from "../http/tls.ts";
import { makeAuthority } from "./certificates.ts";
import type { ClusterState } from "./cluster-state.ts";
import { ServerKeys } from "./server-keys.ts";

/** A service that shows the keys of `state`, and what is asked of it under a CA. */
async function serving(state: ClusterState) {
  let now = state;
  const keys = await ServerKeys.open(() => now, "127.0.0.1");
  const server = overTls(keys, 10).create({});
  server.on("request", (_, response) => response.end("heard"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hears = async (ca: string) => (await secureCall(ca, "m1:secret")(at)("GET", "/", 2000)).ok;
  const become = (next: ClusterState) => {
    now = next;
    return keys.renew();
  };
  return { at, hears, become };
}

test("a renewed CA: who knows it hears the service, and so does who knows the one before; strangers see the new one", async () => {
  const { at, hears, become } = await serving(EMPTY_CLUSTER);
  const [old, next] = [EMPTY_CLUSTER.authority, await makeAuthority("lab", Date.now())];
  expect([await hears(old.certificate), await hears(next.certificate)]).toEqual([true, false]);
  await become({ ...EMPTY_CLUSTER, authority: next, earlier: [old] });
  expect([await hears(old.certificate), await hears(next.certificate)]).toEqual([true, true]);
  for (const { certificate } of [old, next]) {
    const found = await fetchCa(at, pinOf(certificate), 2000);
    expect(found.ok && pinOf(found.value.ca)).toBe(pinOf(certificate));
  }
  const [host = "", port = ""] = at.split(":");
  const stranger = connect({
    host,
    port: Number(port),
    ca: next.certificate,
    checkServerIdentity: () => undefined,
  });
  await once(stranger, "secureConnect");
  stranger.destroy();
});

test("whoever has only the key of an earlier CA is not heard by those that know the new one", async () => {
  const next = await makeAuthority("lab", Date.now());
  const { at, hears } = await serving({ ...EMPTY_CLUSTER, earlier: [] });
  expect(await hears(next.certificate)).toBe(false);
  expect(await fetchCa(at, pinOf(next.certificate), 2000)).toEqual({
    ok: false,
    error: { kind: "other-key" },
  });
});
