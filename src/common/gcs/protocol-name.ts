import { connect } from "node:net";
import type { Address } from "../address.ts";
import type { Deadline } from "../deadline.ts";

/** What an HTTP/2 client says first (RFC 9113, 3.4), with an empty SETTINGS frame: most servers answer it with what they are. */
const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Says in a few words what kind of server answers at `address`, from the first bytes of its answer. Never rejects. */
export function nameProtocol(address: Address, deadline: Deadline): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, autoSelectFamily: false });
    const end = (name: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(name);
    };
    const timer = setTimeout(
      () => end("it accepts connections, but speaks no HTTP/2"),
      deadline.remainingMs(),
    );
    socket.on("error", () => end("it closes the connection"));
    socket.on("close", () => end("it closes the connection"));
    socket.on("connect", () => socket.write(GREETING));
    socket.on("data", (bytes) => end(nameBytes(bytes)));
  });
}

function nameBytes(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  if (text.startsWith("HTTP/1.") || /<html|<!doctype html/i.test(text)) return "it speaks HTTP/1";
  if (/^[-+][A-Z]/.test(text)) return "it speaks the Redis protocol";
  if (bytes[0] === 0x15 || bytes[0] === 0x16) return "it is a TLS server";
  const settings = bytes.length >= 9 && bytes[3] === 4 && bytes.readUInt32BE(5) === 0;
  return settings ? "it speaks HTTP/2, but broke the call off" : "its answer is no HTTP/2";
}
