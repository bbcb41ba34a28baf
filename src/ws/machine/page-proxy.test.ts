import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { makeAuthority, makeServerKeys } from "../../health-service/cluster/certificates.ts";
import { servePage } from "./page-proxy.ts";

test("only the service that decides is given the member's credential", async ({ onTestFinished }) => {
  const authority = await makeAuthority("lab", Date.now());
  const keys = await makeServerKeys(authority, "127.0.0.1", Date.now());
  const told: string[] = [];
  const deciding = { name: "b" };
  const start = async (name: string) => {
    const server = createServer(keys, ({ url, headers }, response) => {
      const decides = deciding.name === name;
      if (headers.authorization !== undefined) told.push(name);
      response.statusCode = decides || url === "/v1/leader" ? 200 : 503;
      response.end(JSON.stringify({ decides, term: 1 }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close().closeAllConnections());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const services = [await start("a"), await start("b"), await start("c")];
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const { url } = await servePage({ services, ca: authority.certificate, bearer: "m1:c" }, ending.signal);
  for (const _ of "12") expect((await fetch(url)).status).toBe(200);
  expect(told.splice(0).join("")).toBe("bb");
  deciding.name = "c";
  expect((await fetch(url)).status).toBe(200);
  expect(told.join("")).toBe("bc");
});
