/**
 * The few frames of HTTP/2 (RFC 9113, 4 and 6) that two unary gRPC calls need. Whatever is done with a GCS besides the first
 * look at it goes through node:http2 (connection.ts), whose loading costs a sixth of a decision (measured in bench/decide.ts).
 */

/** What a client says first (RFC 9113, 3.4), with an empty SETTINGS frame. */
export const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

export const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const GOAWAY = 7;

const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;

/** The longest frame of a peer that was not told otherwise (RFC 9113, 6.5.2). */
const LONGEST_FRAME = 16384;
const HEAD_BYTES = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The peer breaks a call off, or all of them. */
export const isBreak = ({ type }: Frame): boolean => type === RST_STREAM || type === GOAWAY;

/** It begins with the length of a padding, which no gRPC server is known to send. */
export const isPadded = ({ type, flags }: Frame): boolean => type <= HEADERS && (flags & PADDED) !== 0;

/** The peer says no more on this stream. */
export const endsStream = ({ type, flags }: Frame): boolean => type <= HEADERS && (flags & END_STREAM) !== 0;

/** One whole request: its headers, and `message` as its body. */
export function request(
  stream: number,
  headers: readonly (readonly [string, string])[],
  message: Buffer,
): Buffer {
  const block = Buffer.concat(headers.map(([name, value]) => header(name, value)));
  return Buffer.concat([
    frame({ type: HEADERS, flags: END_HEADERS, stream, payload: block }),
    frame({ type: DATA, flags: END_STREAM, stream, payload: message }),
  ]);
}

/** The whole frames that `bytes` begin with, and what is left; null where they are no HTTP/2. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } | null {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= HEAD_BYTES) {
    const length = rest.readUIntBE(0, 3);
    if (length > LONGEST_FRAME) return null;
    if (rest.length < HEAD_BYTES + length) break;
    frames.push({
      type: rest.readUInt8(3),
      flags: rest.readUInt8(4),
      stream: rest.readUInt32BE(5) & 0x7fffffff,
      payload: rest.subarray(HEAD_BYTES, HEAD_BYTES + length),
    });
    rest = rest.subarray(HEAD_BYTES + length);
  }
  return { frames, rest };
}

function frame({ type, flags, stream, payload }: Frame): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** "Never indexed, new name" (RFC 7541, 6.2.3), so that no proxy keeps a token either. */
const header = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x10]), text(name), text(value)]);

/** A string as it is, after its length (RFC 7541, 5.2). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([Buffer.from(prefixed(bytes.length)), bytes]);
}

/** A whole number with a prefix of 7 bits (RFC 7541, 5.1). */
function prefixed(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return [...bytes, left];
}
