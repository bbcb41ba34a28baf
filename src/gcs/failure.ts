import type { ProbeAnswer } from "../common/probe-result.ts";
import { err, type Result } from "../common/result.ts";

/** Why a call brought no answer. */
export type GcsFailure =
  | Extract<ProbeAnswer, { kind: "timeout" | "unauthorized" | "not-ray" | "tls" }>
  /**
   * No connection, or it broke before ("greeting") or after the server had said anything; `code` is the operating system's
   * (ECONNREFUSED …) where there is one.
   */
  | {
      readonly kind: "unavailable";
      readonly phase: "connect" | "greeting" | "answer";
      readonly code: string;
      readonly detail: string;
    };

/** The numbers of gRPC (statuscodes.md): cancelled, deadline exceeded, aborted, unavailable, unauthenticated. */
export function explainStatus(code: number, detail: string): Result<never, GcsFailure> {
  switch (code) {
    case 4:
      return err({ kind: "timeout", phase: "answer" });
    case 16:
      return err({ kind: "unauthorized", detail });
    // We never cancel a call, so the peer has closed the connection.
    case 1:
    case 10:
    case 14:
      return err(brokenOff(detail));
    default:
      return notRay(`status ${code}: ${detail}`);
  }
}

/** A call of something that speaks gRPC, or at least HTTP/2. */
export const notRay = (detail: string) =>
  err({ kind: "not-ray", saw: `it answers gRPC, but not as Ray's GCS: ${detail}` } as const);

export const brokenOff = (detail: string) =>
  ({ kind: "unavailable", phase: "answer", code: "", detail }) as const;

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
