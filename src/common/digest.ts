// node:crypto takes a tenth of a command's start: it is loaded where something is to be hashed, while docker is at work.
const crypto = () => process.getBuiltinModule("node:crypto");

/** SHA-256 in hex digits. */
export const sha256 = (text: string): string => crypto().createHash("sha256").update(text).digest("hex");

/** So many random bytes in hex digits. */
export const randomHex = (bytes: number): string => crypto().randomBytes(bytes).toString("hex");
