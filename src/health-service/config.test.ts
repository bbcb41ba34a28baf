import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const read = (env: Record<string, string>) => readConfig(env, () => ({ ok: false, error: "no files here" }));

test("without any setting it listens on all addresses, port 8080, with a lease of 15 s", () => {
  expect(read({})).toMatchObject({ ok: true, value: { host: "0.0.0.0", port: 8080, ttlMs: 15_000 } });
});

test.each(["1", "2", "11.9"])("a lease of %s s is refused: a holder may go on for longer", (seconds) => {
  expect(read({ RAY_EP_LEASE_TTL: seconds })).toMatchObject({
    ok: false,
    error: [{ where: "RAY_EP_LEASE_TTL", problem: expect.stringContaining("at least 12 seconds") }],
  });
});

test("a lease of 12 s is the shortest", () => {
  expect(read({ RAY_EP_LEASE_TTL: "12" })).toMatchObject({ ok: true, value: { ttlMs: 12_000 } });
});
