import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorAnswer } from "../../common/protocol/lease-protocol.ts";
import type { Identity } from "../cluster/callers.ts";

/** One answer. An object is sent as JSON. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | object;
  /** Writes the body, bit by bit or without an end. */
  readonly stream?: (response: ServerResponse) => void;
}

/** `name`: the path's last part, decoded. No reply where the client went away before it had said everything. */
export type Handler = (
  request: IncomingMessage,
  name: string,
  caller: Identity,
) => Reply | Promise<Reply | null>;

/** Who answers at a path, by method. One that ends with "/" is followed by a name. */
export type Paths = Readonly<Record<string, Readonly<Partial<Record<string, Handler>>>>>;

/** A refusal in words, and each wrong field. */
export const refuse = (status: number, error: string, headers = {}, problems?: string[]) => {
  return { status, headers, body: { error, problems } satisfies ErrorAnswer };
};

export const ok = (body: object): Reply => ({ status: 200, body });
