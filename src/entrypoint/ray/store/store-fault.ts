import { join } from "node:path";
import { readRegular } from "../../../common/files.ts";
import { visible } from "../../../common/output/shown.ts";
import { asUser, type RayUser } from "../../config/become.ts";

/**
 * What the GCS of the last session said before it ended over its store (rocksdb_store_client.cc, 2.60: "Check failed: … Failed
 * to open RocksDB at …: IO error: No space left on device"); null where it said nothing. `tempDir`: Ray's folder of sessions.
 */
export function storeFault(tempDir: string, user: RayUser | null): string | null {
  const file = join(tempDir, "session_latest", "logs", "gcs_server.err");
  const text = asUser(user, () => readRegular(file)) ?? "";
  const [, saw] = /rocksdb_store_client\.cc:\d+: .*Check failed: (.{1,300})/.exec(text) ?? [];
  return saw === undefined ? null : visible(saw);
}
