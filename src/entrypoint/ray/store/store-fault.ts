import { join } from "node:path";
import { visible } from "../../../common/output/shown.ts";
import type { RayUser } from "../../config/become.ts";
import { saidIn } from "../said-in.ts";

/**
 * Who says it: the GCS ("Check failed: … Failed to open RocksDB at …: IO error: No space left on device", rocksdb_store_client.cc,
 * 2.60) and RocksDB itself ("DB::Open() failed: Corruption: …", db_impl_open.cc).
 */
const SAID = /(?:rocksdb_store_client\.cc:\d+: .*Check failed|DB::Open\(\) failed): (.{1,300})/;

/**
 * Returns a function that tells why the GCS that starts after this call could not open its store; null where nothing was said.
 * `tempDir`: Ray's folder of sessions, in which an earlier session may still be the latest one, even under the name that the next
 * one has. `store`: the folder of the store. Neither log is enough: that of a GCS may lose its last words where Ray rotates it (seen
 * in 7 of 16 starts, 2.60), and RocksDB's lies on the disk that may be full.
 */
export function storeFaultIn(
  tempDir: string,
  store: string | undefined,
  user: RayUser | null,
): () => string | null {
  const session = join(tempDir, "session_latest", "logs");
  const ofGcs = ["gcs_server.err", "gcs_server.out"].map((name) => join(session, name));
  const ofStore = store === undefined ? [] : ["tables", "kv"].map((name) => join(store, name, "LOG"));
  const logs = [...ofGcs, ...ofStore].map((file) => saidIn(file, user));
  return () => {
    for (const said of logs) {
      const [, saw] = SAID.exec(said()) ?? [];
      if (saw !== undefined) return visible(saw);
    }
    return null;
  };
}
