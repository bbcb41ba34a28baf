import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storeFaultIn } from "./store-fault.ts";

const FULL =
  "open_status.ok() Failed to open RocksDB at /state/gcs/tables: IO error: No space left on device";
const DAMAGED = "open_status.ok() Failed to open RocksDB at /state/gcs/tables: Corruption: missing files";

const OTHER = "[…] (gcs_server) gcs_server.cc:9: Check failed: of another kind\n";
/** As Ray 2.60 writes it. */
const said = (fault: string) =>
  `[2026-11-27 18:16:46,608 C 17358 17358] (gcs_server) rocksdb_store_client.cc:179:  An unexpected system state has occurred. Please report this issue and we'll work with you to fix it. Check failed: ${fault}
*** StackTrace Information ***
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ray-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As Ray makes a session, and as a GCS in it ends. */
function session(name: string, ...faults: string[]): void {
  sessionIn("gcs_server.err", name, ...faults);
}

function sessionIn(log: string, name: string, ...faults: string[]): void {
  mkdirSync(join(folder, name, "logs"), { recursive: true });
  rmSync(join(folder, "session_latest"), { force: true });
  symlinkSync(join(folder, name), join(folder, "session_latest"));
  appendFileSync(join(folder, name, "logs", log), [OTHER, ...faults.map(said)].join(""));
}

test("what the GCS says of its store is found in the session that it makes", () => {
  const saw = storeFaultIn(folder, join(folder, "gcs"), null);
  expect(saw()).toBeNull();
  session("session_1");
  expect(saw()).toBeNull();
  session("session_1", FULL);
  expect(saw()).toBe(FULL);
});

test("where Ray rotates its logs, stdout's or the store's own may alone have it", () => {
  const saw = storeFaultIn(folder, join(folder, "gcs"), null);
  session("session_1");
  const store = join(folder, "gcs/kv");
  mkdirSync(store, { recursive: true });
  const ofRocks =
    "[WARN] [db/db_impl/db_impl_open.cc:2687] DB::Open() failed: Corruption: CURRENT file corrupted";
  appendFileSync(join(store, "LOG"), `2026/11/28-09:32:14.974646 140 ${ofRocks}\nShutdown complete\n`);
  expect(saw()).toBe("Corruption: CURRENT file corrupted");
  sessionIn("gcs_server.out", "session_1", FULL);
  expect(saw()).toBe(FULL);
});

test("a store whose last opening failed, too, is not named for it", () => {
  mkdirSync(join(folder, "gcs/tables"), { recursive: true });
  appendFileSync(join(folder, "gcs/tables/LOG"), `DB::Open() failed: ${DAMAGED}\n`);
  const saw = storeFaultIn(folder, join(folder, "gcs"), null);
  session("session_1");
  expect(saw()).toBeNull();
});

test.each([
  ["whose session could not be moved away", "session_2"],
  ["under whose name the next one goes on", "session_1"],
])("what an earlier one said, %s, is not taken for it", (_, next) => {
  session("session_1", FULL);
  const saw = storeFaultIn(folder, join(folder, "gcs"), null);
  expect(saw()).toBeNull();
  session(next);
  expect(saw()).toBeNull();
  session(next, DAMAGED);
  expect(saw()).toBe(DAMAGED);
});
