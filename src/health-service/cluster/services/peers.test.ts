import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { makeAuthority, makeServerKeys } from "../certificates.ts";
import { askLeaders } from "./peers.ts";

test("over TLS a standby is asked who decides, and nothing else", async () => {
  const authority = await makeAuthority("lab", Date.now());
  const keys = await makeServerKeys(authority, "127.0.0.1", Date.now());
  const asked: string[] = [];
  const start = async (name: string, decides: boolean) => {
    const server = createServer(keys, ({ url, headers }, response) => {
      asked.push(`${name} ${url} ${headers.authorization ?? "anybody"}`);
      const standing = { decides, term: 1, leader: "b:1", service: `${name}:1`, copiedAgo: null };
      response.end(url === "/v1/leader" ? JSON.stringify(standing) : name);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close().closeAllConnections());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const services = [await start("a", false), await start("b", true), "127.0.0.1:1"];
  expect(await askLeaders(services, authority.certificate, "/v1/replica", "m1:c")).toEqual(["b"]);
  expect(asked.toSorted()).toEqual([
    "a /v1/leader anybody",
    "b /v1/leader anybody",
    "b /v1/replica Bearer m1:c",
  ]);
});
