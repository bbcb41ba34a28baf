import type { Address } from "../address.ts";
import type { Deadline } from "../deadline.ts";
import type { SightingKind } from "../sighting.ts";
import { exchange } from "./exchange.ts";
import { GREETING } from "./http2-frames.ts";

/** The shortest ClientHello (RFC 5246, 7.4.1.2): one cipher, no extensions. A TLS server answers it with a hello or an alert. */
const TLS_GREETING = Buffer.concat([
  Buffer.from([0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3]),
  Buffer.alloc(32, 0x5a),
  Buffer.from([0, 0, 2, 0xc0, 0x2f, 1, 0]),
]);

/** Says what kind of server, if not a GCS in clear text, answers at `address`, from the first bytes of its answer. Never rejects. */
export async function nameProtocol(address: Address, deadline: Deadline): Promise<SightingKind> {
  // Most servers answer it with what they are.
  const answer = await firstBytes(address, GREETING, deadline);
  if (answer === "silence") return notRay("it accepts connections, but speaks no HTTP/2");
  if (answer !== "closed") return isTls(answer) ? TLS_SERVER : notRay(nameBytes(answer));
  // Many TLS servers close without a word on what is no TLS.
  const second = await firstBytes(address, TLS_GREETING, deadline);
  return typeof second !== "string" && isTls(second) ? TLS_SERVER : notRay("it closes the connection");
}

/** A GCS with RAY_USE_TLS is one. */
const TLS_SERVER: SightingKind = { kind: "tls", problem: "wanted" };
const notRay = (saw: string): SightingKind => ({ kind: "not-ray", saw });

/** What comes back first on a connection of its own. */
async function firstBytes(
  address: Address,
  greeting: Buffer,
  deadline: Deadline,
): Promise<Buffer | "closed" | "silence"> {
  const outcome = await exchange(address, {
    greeting,
    timeoutMs: deadline.remainingMs(),
    hear: (bytes) => bytes,
  });
  if (outcome.kind === "heard") return outcome.answer;
  return outcome.kind === "timeout" ? "silence" : "closed";
}

function nameBytes(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  if (text.startsWith("HTTP/1.") || /<html|<!doctype html/i.test(text)) return "it speaks HTTP/1";
  if (/^[-+][A-Z]/.test(text)) return "it speaks the Redis protocol";
  const settings = bytes.length >= 9 && bytes[3] === 4 && bytes.readUInt32BE(5) === 0;
  return settings ? "it speaks HTTP/2, but broke the call off" : "its answer is no HTTP/2";
}

/** The record types alert and handshake, followed by the major version 3. */
const isTls = (bytes: Buffer): boolean => (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3;
