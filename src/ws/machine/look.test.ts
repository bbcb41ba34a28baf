import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { pinOf } from "../../common/net/pinned-tls.ts";
import { makeAuthority, makeServerKeys } from "../../health-service/cluster/certificates.ts";
import { lookAtService } from "./look.ts";

/** A server whose certificate that CA signed: where it listens, and the CA's pin. */
async function serve(name: string) {
  const authority = await makeAuthority(name, Date.now());
  const server = createServer(await makeServerKeys(authority, "127.0.0.1", Date.now()), (_, response) =>
    response.end("OK"),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  return {
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pin: pinOf(authority.certificate),
  };
}

test("a stranger at the address of one service keeps no machine from the next one", async () => {
  const [stranger, service] = [await serve("other"), await serve("lab")];
  const token = { services: [stranger.at, service.at], pin: service.pin, secret: "s", expiresAt: 0 };
  expect(await lookAtService(token)).toMatchObject({ problem: undefined, localAddress: "127.0.0.1" });
  const gone = { ...token, services: [stranger.at, "127.0.0.1:1"] };
  expect(await lookAtService(gone)).toMatchObject({ problem: { where: stranger.at } });
});
