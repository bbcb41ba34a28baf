import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { storeFault } from "./store-fault.ts";

/** As Ray 2.60 writes it. */
const SAID = `[2026-11-27 18:16:46,608 C 17358 17358] (gcs_server) rocksdb_store_client.cc:179:  An unexpected system state has occurred. Please report this issue and we'll work with you to fix it. Check failed: open_status.ok() Failed to open RocksDB at /state/gcs/tables: IO error: No space left on device
*** StackTrace Information ***
`;

test("what the GCS says of its store is read from the log of the last session", () => {
  const temp = mkdtempSync(join(tmpdir(), "store-fault-"));
  onTestFinished(() => rmSync(temp, { recursive: true }));
  expect(storeFault(temp, null)).toBeNull();
  const logs = join(temp, "session_latest", "logs");
  mkdirSync(logs, { recursive: true });
  writeFileSync(
    join(logs, "gcs_server.err"),
    "[…] (gcs_server) gcs_server.cc:9: Check failed: of another kind\n",
  );
  expect(storeFault(temp, null)).toBeNull();
  writeFileSync(join(logs, "gcs_server.err"), SAID);
  expect(storeFault(temp, null)).toBe(
    "open_status.ok() Failed to open RocksDB at /state/gcs/tables: IO error: No space left on device",
  );
});
