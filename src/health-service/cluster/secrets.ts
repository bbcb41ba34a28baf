import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A secret that nobody guesses, as one word. */
export const newSecret = (): string => randomBytes(24).toString("base64url");

/** What is kept of a secret: SHA-256, base64url. It is random, so no salt and no slow function is needed. */
export const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

/** Compares two digests, so that the time taken tells nothing. */
export const sameDigest = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b));
