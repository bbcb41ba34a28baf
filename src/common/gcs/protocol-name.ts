import { isIP } from "node:net";
import type { Address } from "../address.ts";
import type { Deadline } from "../deadline.ts";
import { lookup } from "../lookup.ts";
import type { SightingKind } from "../sighting.ts";
import { exchange } from "./exchange.ts";
import { GREETING } from "./http2-frames.ts";

/**
 * Recognizes the kind of server at `address` that is not a GCS in clear text, by the first bytes of its answer. Never
 * rejects.
 */
export async function nameProtocol(address: Address, deadline: Deadline): Promise<SightingKind> {
  // Most servers answer it with what they are.
  const answer = await firstBytes(address, deadline);
  if (answer === "silence") return SILENT;
  if (answer !== "closed") return isTls(answer) ? TLS_SERVER : notRay(nameBytes(answer));
  // Many TLS servers, including Ray's, close the connection silently when the client does not speak TLS.
  const tls = await speaksTls(address, deadline.remainingMs());
  if (tls === "silence") return SILENT;
  return tls ? TLS_SERVER : notRay("it closes the connection");
}

/** No answer in time, which says nothing about what listens there. */
const SILENT: SightingKind = { kind: "timeout", phase: "answer" };
/** A GCS with RAY_USE_TLS is one. */
const TLS_SERVER: SightingKind = { kind: "tls", problem: "wanted" };
const notRay = (saw: string): SightingKind => ({ kind: "not-ray", saw });

/** What comes back first on a connection of its own. */
async function firstBytes(address: Address, deadline: Deadline): Promise<Buffer | "closed" | "silence"> {
  const timeoutMs = deadline.remainingMs();
  const outcome = await exchange(address, { greeting: GREETING, timeoutMs, hear: (bytes) => bytes });
  if (outcome.kind === "heard") return outcome.answer;
  return outcome.kind === "timeout" ? "silence" : "closed";
}

/** Whether a TLS handshake begins. Nothing is sent after it, so the certificate does not matter. */
async function speaksTls({ host, port }: Address, timeoutMs: number): Promise<boolean | "silence"> {
  const { connect } = await import("node:tls");
  return new Promise((resolve) => {
    const servername = isIP(host) ? "" : host;
    const socket = connect({
      host,
      port,
      lookup,
      servername,
      ALPNProtocols: ["h2"],
      rejectUnauthorized: false,
    });
    const end = (outcome: boolean | "silence"): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end("silence"), timeoutMs);
    socket.on("secureConnect", () => end(true));
    // A TLS alert also proves TLS: the server has no certificate, or it requires ours.
    socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => end(/^ERR_SSL_.*ALERT/.test(code)));
    socket.on("close", () => end(false));
  });
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
