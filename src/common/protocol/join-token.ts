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
export const formatJoinToken = ({ services, pin, secret, expiresAt }: JoinToken): string =>
  `${PREFIX}${Buffer.from([services.join(","), pin, secret, expiresAt].join(" ")).toString("base64url")}`;

/** Reads a token that somebody pasted. The error says what is wrong with it, and shows nothing of it. */
export function parseJoinToken(text: string): Result<JoinToken, string> {
  const word = text.trim();
  if (!word.startsWith(PREFIX)) return err(`expected a word that starts with ${PREFIX}, got something else`);
  const parts = Buffer.from(word.slice(PREFIX.length), "base64url").toString().split(" ");
  const [services = "", pin = "", secret = "", expiresAt = ""] = parts;
  const whole =
    parts.length === 4 && services !== "" && /^[\w-]{43}$/.test(pin) && /^[\w-]{16,}$/.test(secret);
  if (!whole || !/^\d+$/.test(expiresAt))
    return err("expected a whole join token, got a damaged one: copy the line again");
  return ok({ services: services.split(","), pin, secret, expiresAt: Number(expiresAt) });
}
