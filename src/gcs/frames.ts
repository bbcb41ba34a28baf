/**
 * The frames of HTTP/2 (RFC 9113, 4 and 6) that unary gRPC calls need. node:http2 would do the same, and a decision would take a
 * third longer: its loading costs 8 ms, and `node -e 0` takes 25 (bench/decide.ts).
 */

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
export const GOAWAY = 7;
const WINDOW_UPDATE = 8;

/** Flags. */
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;

/** The longest frame of a peer that was not told otherwise (RFC 9113, 6.5.2). */
const MAX_FRAME_BYTES = 16384;
const PREFIX_BYTES = 9;
const NOTHING = Buffer.alloc(0);

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const MAX_WINDOW = 2 ** 31 - 1;
/** How much of a connection a peer may fill unasked (RFC 9113, 6.9.2). */
const FIRST_WINDOW = 65_535;

/**
 * What a client says first (RFC 9113, 3.4). Its settings: the peer keeps no table of headers (1), so that each block of headers
 * can be read by itself; it opens no streams (2, 0); its answers may be as long as they are (4).
 */
export const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(SETTINGS, 0, 0, Buffer.concat([setting(1, 0), setting(2, 0), setting(4, MAX_WINDOW)])),
  frame(WINDOW_UPDATE, 0, 0, uint32(MAX_WINDOW - FIRST_WINDOW)),
]);

/** One whole request on `stream`: its block of headers, and `message` as its body. */
export const request = (stream: number, headers: Buffer, message: Buffer): Buffer =>
  Buffer.concat([frame(HEADERS, END_HEADERS, stream, headers), frame(DATA, END_STREAM, stream, message)]);

/** What has to be said to such a frame; undefined where nothing has. */
export function replyTo({ type, flags, payload }: Frame): Buffer | undefined {
  if ((flags & ACK) !== 0) return undefined;
  if (type === SETTINGS) return frame(SETTINGS, ACK, 0, NOTHING);
  return type === PING ? frame(PING, ACK, 0, payload) : undefined;
}

/** A peer's first frame (RFC 9113, 3.4). */
export const isGreeting = ({ type, stream }: Frame): boolean => type === SETTINGS && stream === 0;

/** The peer says no more on this stream. */
export const endsStream = ({ type, flags }: Frame): boolean => type <= HEADERS && (flags & END_STREAM) !== 0;

/** The whole frames that `bytes` begin with, and what is left; undefined where they are no HTTP/2. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } | undefined {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= 3) {
    const end = PREFIX_BYTES + rest.readUIntBE(0, 3);
    if (end > PREFIX_BYTES + MAX_FRAME_BYTES) return undefined;
    if (rest.length < end) break;
    const [type, flags] = [rest.readUInt8(3), rest.readUInt8(4)];
    const payload = bare(type, flags, rest.subarray(PREFIX_BYTES, end));
    frames.push({ type, flags, stream: rest.readUInt32BE(5) & MAX_WINDOW, payload });
    rest = rest.subarray(end);
  }
  return { frames, rest };
}

/** Without the padding that may stand around the bytes of DATA and HEADERS (RFC 9113, 6.1 and 6.2). */
function bare(type: number, flags: number, payload: Buffer): Buffer {
  const isPadded = type <= HEADERS && (flags & PADDED) !== 0;
  return isPadded ? payload.subarray(1, payload.length - (payload[0] ?? 0)) : payload;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUIntBE(payload.length, 0, 3);
  prefix.writeUInt8(type, 3);
  prefix.writeUInt8(flags, 4);
  prefix.writeUInt32BE(stream, 5);
  return Buffer.concat([prefix, payload]);
}

function setting(name: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, name]), uint32(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
