import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * Protobuf messages by the numbers of their fields, which proto/ray_gcs.proto has. The code that buf generates from that file
 * would load in 15 ms, half of what `node -e 0` takes; the tests' GCS speaks by it.
 */
export class Message {
  readonly #fields = new Map<number, (Uint8Array | number)[]>();

  /** Throws where `bytes` are no message. */
  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      const value = READ[type]?.(reader) ?? reader.skip(type, field);
      const values = this.#fields.get(field);
      if (values === undefined) this.#fields.set(field, [value]);
      else values.push(value);
    }
  }

  /** Every value of a repeated field of bytes or messages. */
  all(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []).filter((value) => typeof value !== "number");
  }

  /** Empty where the message has no such field; so are the others. */
  bytes(field: number): Uint8Array {
    return this.all(field).at(-1) ?? new Uint8Array();
  }

  hex(field: number): string {
    return Buffer.from(this.bytes(field)).toString("hex");
  }

  text(field: number): string {
    return Buffer.from(this.bytes(field)).toString("utf8");
  }

  number(field: number): number {
    return Number(this.#fields.get(field)?.at(-1) ?? 0);
  }
}

const READ: Partial<Record<WireType, (reader: BinaryReader) => Uint8Array | number>> = {
  [WireType.Varint]: (reader) => Number(reader.int64()),
  [WireType.Bit64]: (reader) => reader.double(),
  [WireType.LengthDelimited]: (reader) => reader.bytes(),
};

type Field = Uint8Array | string | true;

/** A message by the numbers of its fields: bytes, texts, and switches that are on; a list is a repeated field. */
export function writeMessage(fields: Readonly<Record<number, Field | readonly Field[]>>): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, values] of Object.entries(fields))
    for (const value of [values].flat())
      if (value === true) writer.tag(Number(field), WireType.Varint).bool(true);
      else writer.tag(Number(field), WireType.LengthDelimited).bytes(Buffer.from(value));
  return writer.finish();
}
