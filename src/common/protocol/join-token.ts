import { err, ok, type Result } from "../result.ts";

/** What one word says that lets a machine join: where, whom to trust, with which secret, until when. */
export interface JoinToken {
  /** Where health services listen, host:port each. */
  readonly services: readonly string[];
  /** SHA-256 of the CA's certificate (DER), base64url. */
  readonly pin: string;
  readonly secret: string;
  /** Seconds since 1970. For showing: the service's own clock decides. */
  readonly expiresAt: number;
}

const PREFIX = "ws1.";

/** The token as one word. */
export function formatJoinToken({ services, pin, secret, expiresAt }: JoinToken): string {
  const text = [services.join(","), pin, secret, expiresAt].join(" ");
  return `${PREFIX}${Buffer.from(`${text} ${checkOf(text)}`).toString("base64url")}`;
}

/**
 * So that a word which was cut, or mistyped, is told before anything is dialled. An import of node:zlib would cost each node's
 * start a millisecond.
 */
const checkOf = (text: string): string => process.getBuiltinModule("node:zlib").crc32(text).toString(36);

/** Reads a token that somebody pasted. The error says what is wrong with it, and shows nothing of it. */
export function parseJoinToken(text: string): Result<JoinToken, string> {
  const word = text.trim();
  if (!word.startsWith(PREFIX)) return err(`expected a word that starts with ${PREFIX}, got something else`);
  const [, said = "", check] =
    /^(.*) (\w+)$/.exec(Buffer.from(word.slice(PREFIX.length), "base64url").toString()) ?? [];
  const [, services = "", pin = "", secret = "", expiresAt] =
    /^(\S+) ([\w-]{43}) ([\w-]{16,}) (\d+)$/.exec(said) ?? [];
  if (check !== checkOf(said) || expiresAt === undefined)
    return err("expected a whole join token, got a damaged one: copy the line again");
  return ok({ services: services.split(","), pin, secret, expiresAt: Number(expiresAt) });
}
