/**
 * Blocks of headers (HPACK, RFC 7541), written and read without a table of earlier ones: this side uses none, and asks the peer
 * for none (frames.ts).
 */

/** As "never indexed, new name" (6.2.3), so that no proxy keeps a token either. */
export const writeHeaders = (headers: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(headers.map((pair) => Buffer.concat([Buffer.from([0x10]), ...pair.map(writeText)])));

/** A string as it is, after its length (5.2). */
function writeText(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([Buffer.from(writeLength(bytes.length)), bytes]);
}

/** A whole number with a prefix of 7 bits (5.1). */
function writeLength(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return [...bytes, left];
}

/** The names and values of the static table (Appendix A) that answers are judged by. */
const STATUSES = ["200", "204", "206", "304", "400", "404", "500"];
const FIRST_STATUS = 8;
const CONTENT_TYPE = 31;
const statusAt = (index: number): string | undefined => STATUSES[index - FIRST_STATUS];
const nameAt = (index: number): string =>
  index === CONTENT_TYPE ? "content-type" : statusAt(index) ? ":status" : "";

/**
 * The headers of a block; the name of one is empty where the static table has it and nobody here asks for it. What is no HPACK
 * gives nonsense.
 */
export function readHeaders(block: Buffer): [string, string][] {
  const reader = new Reader(block);
  const headers: [string, string][] = [];
  while (reader.left > 0) {
    const first = reader.byte;
    if (first >= 0x80) {
      // A pair of the static table (6.1).
      const status = statusAt(reader.number(7));
      if (status !== undefined) headers.push([":status", status]);
    } else if (first >> 5 === 1) {
      // The size of the table that is not used (6.3).
      reader.number(5);
    } else {
      // A value, whose name the table may have (6.2).
      const index = reader.number(first >= 0x40 ? 6 : 4);
      headers.push([index === 0 ? reader.text() : nameAt(index), reader.text()]);
    }
  }
  return headers;
}

class Reader {
  #left: Buffer;

  constructor(block: Buffer) {
    this.#left = block;
  }

  get left(): number {
    return this.#left.length;
  }

  get byte(): number {
    return this.#left[0] ?? 0;
  }

  number(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#take(1) & most;
    let more = value === most;
    for (let factor = 1; more && this.left > 0; factor *= 128) {
      more = this.byte >= 0x80;
      value += (this.#take(1) & 0x7f) * factor;
    }
    return value;
  }

  text(): string {
    const isHuffman = this.byte >= 0x80;
    const length = this.number(7);
    const bytes = this.#left.subarray(0, length);
    this.#take(length);
    return isHuffman ? readHuffman(bytes) : bytes.toString("latin1");
  }

  /** Skips that many bytes, and returns the first. */
  #take(bytes: number): number {
    const { byte } = this;
    this.#left = this.#left.subarray(bytes);
    return byte;
  }
}

/** The characters of each length of code in bits (Appendix B); their codes count up in this order. Others are not for texts. */
const CODES = new Map([
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
]);

/** The text as far as it has characters of that table; the end is filled up with ones, which are no character. */
function readHuffman(bytes: Buffer): string {
  let text = "";
  let [code, length, first] = [0, 0, 0];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    code = code * 2 + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    length += 1;
    const characters = CODES.get(length) ?? "";
    first *= 2;
    const character = characters[code - first];
    if (character !== undefined) text += character;
    if (character !== undefined) [code, length, first] = [0, 0, 0];
    else first += characters.length;
  }
  return text;
}
