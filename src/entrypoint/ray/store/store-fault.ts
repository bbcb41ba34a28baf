import { join } from "node:path";
import { readRegular } from "../../../common/files.ts";
import { visible } from "../../../common/output/shown.ts";
import { asUser, type RayUser } from "../../config/become.ts";

/** Where a GCS says it (2.60): a log that is rotated passes a pipe first, and its last words for stderr may be lost in there. */
const LOGS = ["gcs_server.err", "gcs_server.out"];

/**
 * Returns a function that tells what the GCS that starts after this call said of its store before it ended
 * (rocksdb_store_client.cc, 2.60: "Check failed: … Failed to open RocksDB at …: IO error: No space left on device"); null where
 * it said nothing. `tempDir`: Ray's folder of sessions, in which an earlier session may still be the latest one, even under the
 * name that the next one has.
 */
export function storeFaultIn(tempDir: string, user: RayUser | null): () => string | null {
  const logs = LOGS.map((name) => saidIn(join(tempDir, "session_latest", "logs", name), user));
  return () => {
    for (const said of logs) {
      const [, saw] = /rocksdb_store_client\.cc:\d+: .*Check failed: (.{1,300})/.exec(said()) ?? [];
      if (saw !== undefined) return visible(saw);
    }
    return null;
  };
}

/** What came into a log since this call. */
function saidIn(file: string, user: RayUser | null): () => string {
  const read = () => asUser(user, () => readRegular(file)) ?? "";
  const before = read();
  return () => {
    const text = read();
    return text.startsWith(before) ? text.slice(before.length) : text;
  };
}
