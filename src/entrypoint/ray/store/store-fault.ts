import { join } from "node:path";
import { readRegular } from "../../../common/files.ts";
import { visible } from "../../../common/output/shown.ts";
import { asUser, type RayUser } from "../../config/become.ts";

/**
 * Returns a function that tells what the GCS that starts after this call said of its store before it ended
 * (rocksdb_store_client.cc, 2.60: "Check failed: … Failed to open RocksDB at …: IO error: No space left on device"); null where
 * it said nothing. `tempDir`: Ray's folder of sessions, in which an earlier session may still be the latest one, even under the
 * name that the next one has.
 */
export function storeFaultIn(tempDir: string, user: RayUser | null): () => string | null {
  const file = join(tempDir, "session_latest", "logs", "gcs_server.err");
  const read = () => asUser(user, () => readRegular(file)) ?? "";
  const before = read();
  return () => {
    const text = read();
    const said = text.startsWith(before) ? text.slice(before.length) : text;
    const [, saw] = /rocksdb_store_client\.cc:\d+: .*Check failed: (.{1,300})/.exec(said) ?? [];
    return saw === undefined ? null : visible(saw);
  };
}
