import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readEnvironment } from "../../common/environment.ts";
import { makeAuthority, makeServerKeys } from "../cluster/certificates.ts";
import { VARIABLES } from "../config.ts";
import { EXIT_CODES } from "../failure.ts";
import { openShared } from "./shared.ts";

/** What is there of the keys by which etcd and the service know each other, and how the start ends. */
async function opened(change: (keys: { ca: string; cert: string; key: string }) => object) {
  const folder = mkdtempSync(join(tmpdir(), "keys-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const authority = await makeAuthority("c1", Date.now());
  const keys = await makeServerKeys(authority, "localhost", Date.now());
  const texts = change({ ca: authority.certificate, ...keys });
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  const { values } = readEnvironment(VARIABLES, {
    RAY_EP_HEALTH_STORE_CA: join(folder, "ca"),
    RAY_EP_HEALTH_STORE_CERT: join(folder, "cert"),
    RAY_EP_HEALTH_STORE_KEY: join(folder, "key"),
  });
  return openShared(values, [], { recalled: { kind: "none" }, file: null, log: () => {} });
}

test("keys that can be used", async () => {
  expect(await opened((keys) => keys)).toMatchObject({ ok: true });
});

test.each([
  ["a key that is none", "key", { key: "?" }],
  ["a certificate that is none", "cert", { cert: "?" }],
  ["a CA that is none", "ca", { ca: "?" }],
])("%s ends the start, and its file is named", async (_, file, wrong) => {
  const error = { reason: "store-keys", file: expect.stringMatching(`/${file}$`) } as const;
  expect(await opened((keys) => ({ ...keys, ...wrong }))).toMatchObject({ ok: false, error });
  expect(EXIT_CODES[error.reason]).toBe(74);
});

test("so does the key of another certificate", async () => {
  const other = await makeServerKeys(await makeAuthority("c2", Date.now()), "localhost", Date.now());
  const error = { reason: "store-keys", file: expect.stringMatching(/\/key$/) };
  expect(await opened((keys) => ({ ...keys, key: other.key }))).toMatchObject({ ok: false, error });
});
