import { expect, test } from "vitest";
import { secureCall } from "./pinned-tls.ts";

test.each(["[", "a.0x5:8443"])("what is no address (%s) is an answer too", async (service) => {
  expect(await secureCall("", null)(service)("GET", "/v1/leader", 1)).toEqual({
    ok: false,
    error: `expected host:port, got "${service}"`,
  });
});
