import type { GcsFailure } from "./client.ts";

/** What a server speaks that does not begin as HTTP/2 has to, by the first bytes of its answer. */
export function nameBytes(bytes: Buffer): GcsFailure {
  // The record types alert and handshake, followed by the major version 3. A GCS with RAY_USE_TLS is one.
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3) return { kind: "tls", problem: "wanted" };
  const text = bytes.toString("latin1");
  if (text.startsWith("HTTP/1.") || /<html|<!doctype html/i.test(text))
    return { kind: "not-ray", saw: "it speaks HTTP/1" };
  return {
    kind: "not-ray",
    saw: /^[-+][A-Z]/.test(text) ? "it speaks the Redis protocol" : "its answer is no HTTP/2",
  };
}
