import type { Problem } from "./failure.ts";
import { secret } from "./values.ts";

/** The token of the health service in the text of its file; null where there is no text, or something else in it. */
export function healthTokenIn(text: string | null): string | null {
  const token = secret.parse(text?.trim() ?? "");
  return token.ok ? token.value : null;
}

/** RAY_EP_HEALTH_TOKEN_FILE names this file, and there is no token in it. */
export const noHealthToken = (file: string): Problem => ({
  where: "RAY_EP_HEALTH_TOKEN_FILE",
  problem: `expected a file that holds the token, got ${file}, which cannot be read, is empty, or holds more than one line of up to 512 printable characters`,
  fix: "Mount the file, readable for this user, or set RAY_EP_HEALTH_TOKEN.",
});
