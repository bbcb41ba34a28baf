/*
 * What unary gRPC calls need of HTTP/2: frames (RFC 9113, 4 and 6), and blocks of headers (HPACK, RFC 7541) without a table of
 * earlier ones. To load node:http2 would make a decision a third longer: 8 ms, where `node -e 0` takes 25 (bench/decide.ts).
 */
export const [DATA, HEADERS, RST_STREAM, GOAWAY] = [0, 1, 3, 7] as const;
const [SETTINGS, PING, WINDOW_UPDATE] = [4, 6, 8] as const;
const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
const PREFIX_BYTES = 9;
/** The longest frame of a peer that was not told otherwise (RFC 9113, 6.5.2). */
const MAX_FRAME_BYTES = 16_384;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What a client says first (RFC 9113, 3.4). */
export const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  // The peer keeps no table of headers (1) and opens no streams (2); its answers (4), and all of a connection, may be long.
  frame(SETTINGS, 0, 0, Buffer.from("000100000000" + "000200000000" + "00047fffffff", "hex")),
  frame(WINDOW_UPDATE, 0, 0, Buffer.from("7fff0000", "hex")),
]);

/** One whole request on `stream`. */
export const request = (stream: number, headers: Buffer, body: Buffer): Buffer =>
  Buffer.concat([
    frame(HEADERS, FLAG.endHeaders, stream, headers),
    frame(DATA, FLAG.endStream, stream, body),
  ]);

/** What has to be said to such a frame. */
export function replyTo({ type, flags, payload }: Frame): Buffer | undefined {
  if ((type !== SETTINGS && type !== PING) || (flags & FLAG.ack) !== 0) return undefined;
  return frame(type, FLAG.ack, 0, type === PING ? payload : Buffer.alloc(0));
}

/** A peer's first frame (RFC 9113, 3.4). */
export const isGreeting = ({ type, stream }: Frame): boolean => type === SETTINGS && stream === 0;

/** The peer says no more on this stream. */
export const endsStream = ({ type, flags }: Frame): boolean =>
  type <= HEADERS && (flags & FLAG.endStream) !== 0;

/** The whole frames that `bytes` begin with, and what is left; undefined where they are no HTTP/2. */
export function readFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } | undefined {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= 3) {
    const length = rest.readUIntBE(0, 3);
    if (length > MAX_FRAME_BYTES) return undefined;
    if (rest.length < PREFIX_BYTES + length) break;
    const [type, flags] = [rest.readUInt8(3), rest.readUInt8(4)];
    let payload = rest.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
    // Padding may stand around the bytes of DATA and HEADERS (RFC 9113, 6.1 and 6.2).
    if (type <= HEADERS && (flags & FLAG.padded) !== 0)
      payload = payload.subarray(1, payload.length - (payload[0] ?? 0));
    frames.push({ type, flags, stream: rest.readUInt32BE(5) & 0x7fffffff, payload });
    rest = rest.subarray(PREFIX_BYTES + length);
  }
  return { frames, rest };
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUIntBE(payload.length, 0, 3);
  prefix.set([type, flags], 3);
  prefix.writeUInt32BE(stream, 5);
  return Buffer.concat([prefix, payload]);
}

/** A block of headers, as "never indexed, new name" (HPACK 6.2.3), so that no proxy keeps a token either. */
export const writeHeaders = (headers: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0x10]),
      writeText(name),
      writeText(value),
    ]),
  );

/** A text as it is, after its length: a whole number with a prefix of 7 bits (HPACK 5.1, 5.2). */
function writeText(text: string): Buffer {
  const bytes = [Math.min(text.length, 127)];
  if (text.length >= 127) {
    let left = text.length - 127;
    for (; left >= 128; left >>= 7) bytes.push((left & 127) | 128);
    bytes.push(left);
  }
  return Buffer.concat([Buffer.from(bytes), Buffer.from(text, "latin1")]);
}

/** What answers are judged by, of HPACK's static table (Appendix A). */
const STATIC = new Map<number, readonly [name: string, value: string]>([
  ...["200", "204", "206", "304", "400", "404", "500"].map((each, i) => [8 + i, [":status", each]] as const),
  [31, ["content-type", ""]],
]);

/** Adds the headers of a block; those whose name only the whole static table has get none. What is no HPACK gives nonsense. */
export function readHeaders(block: Buffer, headers: Map<string, string>): void {
  let at = 0;
  const byte = (): number => block[at] ?? 0;
  const number = (prefixBits: number): number => {
    const most = 2 ** prefixBits - 1;
    let value = byte() & most;
    let more = value === most;
    for (let factor = 1; ++at < block.length && more; factor *= 128) {
      value += (byte() & 127) * factor;
      more = byte() >= 128;
    }
    return value;
  };
  const text = (): string => {
    const isHuffman = byte() >= 128;
    const length = number(7);
    at += length;
    const bytes = block.subarray(at - length, at);
    return isHuffman ? readHuffman(bytes) : bytes.toString("latin1");
  };
  while (at < block.length) {
    const first = byte();
    // The size of the table that is not used (6.3); a pair of the static table (6.1), or a value whose name it may have (6.2).
    if (first >> 5 === 1) number(5);
    else if (first >= 128) headers.set(...(STATIC.get(number(7)) ?? ["", ""]));
    else {
      const index = number(first >= 64 ? 6 : 4);
      headers.set(index === 0 ? text() : (STATIC.get(index)?.[0] ?? ""), text());
    }
  }
}

/** The characters of texts by the bits of their codes (Appendix B), which count up in this order. */
const CODES: Partial<Record<number, string>> = {
  5: "012aceiost",
  6: " %-./3456789=A_bdfghlmnpru",
  7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
  8: "&*,;XZ",
  10: '!"()?',
  11: "'+|",
  12: "#>",
  13: "\0$@[]~",
  14: "^}",
  15: "<`{",
  19: "\\",
};

/** The end is filled up with ones, which are no character. */
function readHuffman(bytes: Buffer): string {
  let text = "";
  let [code, length, first] = [0, 0, 0];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    code = code * 2 + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    length += 1;
    first *= 2;
    const characters = CODES[length] ?? "";
    const character = characters[code - first];
    if (character === undefined) first += characters.length;
    else {
      text += character;
      [code, length, first] = [0, 0, 0];
    }
  }
  return text;
}
