import { readRegular } from "../../common/files.ts";
import { asUser, type RayUser } from "../config/become.ts";

/** Returns a function that tells what came into a log since this call; "" where it cannot be read. */
export function saidIn(file: string, user: RayUser | null): () => string {
  const read = () => asUser(user, () => readRegular(file)) ?? "";
  const before = read();
  return () => {
    const text = read();
    return text.startsWith(before) ? text.slice(before.length) : text;
  };
}
