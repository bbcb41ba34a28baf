import * as fs from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readRegular, replaceFile } from "../../common/files.ts";
import { Text, Word } from "../../common/protocol/from-outside.ts";
import { Joined } from "../../common/protocol/join-protocol.ts";
import { attempt } from "../../common/result.ts";
import { ownTlsFiles } from "../../gcs/tls.ts";
import { asUser, type RayUser } from "../config/become.ts";
import { MEMBERSHIP, RAY_TOKEN } from "./state-dir.ts";

/** What a member keeps: what it was told when it joined, kept up to date with what it hears since. */
export const Membership = z.object({
  ...Joined.shape,
  /** The CA's certificate (PEM), by which it knows the cluster's health services. */
  ca: z.string(),
  /** What its Ray presents and trusts where that speaks TLS: PEM each. */
  rayKeys: z.optional(z.object({ cert: z.string(), key: z.string(), ca: z.string() })),
  /** What it advertises to Ray, and the interface that had it. */
  address: Word,
  interface: z.optional(Word),
  /** SHA-256 of the secret that it joined with: another one makes a member that was removed join again. */
  joinedWith: Word,
  /** What the service said when this member was removed. */
  removed: z.optional(Text),
  /** It could not be used, and the cluster was not told so: the next start tells it, before it joins anew. */
  unused: z.optional(z.boolean()),
});
export type Membership = z.infer<typeof Membership>;

export async function hashOf(secret: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(secret).digest("hex");
}

const NO_KEYS = { cert: "", key: "", ca: "" };

/** The membership in a node's state folder, and Ray's token beside it. */
export class MembershipFile {
  readonly path: string;
  /** RAY_AUTH_TOKEN_PATH of the member's Ray. */
  readonly rayTokenPath: string;
  readonly #folder: string;
  readonly #rayUser: RayUser | null;

  /** `rayUser`: whom root becomes for Ray, else null. */
  constructor(folder: string, rayUser: RayUser | null) {
    this.path = join(folder, MEMBERSHIP);
    this.rayTokenPath = join(folder, RAY_TOKEN);
    this.#folder = folder;
    this.#rayUser = rayUser;
  }

  /** Undefined where there is none. A file that somebody else made says nothing: in some folders jobs of Ray's can write. */
  read(): Membership | undefined {
    const isOurs = attempt(() => fs.lstatSync(this.path).uid === process.geteuid?.());
    return isOurs ? attempt(() => Membership.parse(JSON.parse(readRegular(this.path) ?? ""))) : undefined;
  }

  /** Throws where the system refuses. */
  write(membership: Membership): void {
    this.#makeFolder();
    replaceFile(this.path, `${JSON.stringify(membership)}\n`, 0o600, true);
    // Ray reads these by itself, as its own user.
    const { rayToken, rayKeys } = membership;
    const keys = rayKeys === undefined ? [] : ownTlsFiles(this.#folder, rayKeys);
    // Of an earlier cluster there may be some.
    if (rayKeys === undefined) this.#removeKeys();
    asUser(this.#rayUser, () => {
      for (const { path, text } of [{ path: this.rayTokenPath, text: rayToken }, ...keys])
        replaceFile(path, text, 0o600, true);
    });
  }

  remove(): void {
    fs.rmSync(this.path, { force: true });
    fs.rmSync(this.rayTokenPath, { force: true });
    this.#removeKeys();
  }

  #removeKeys(): void {
    for (const { path } of ownTlsFiles(this.#folder, NO_KEYS)) fs.rmSync(path, { force: true });
  }

  /** Ray's user keeps the cluster's state there too. */
  #makeFolder(): void {
    if (fs.existsSync(this.#folder)) return;
    const made = attempt(() => asUser(this.#rayUser, () => fs.mkdirSync(this.#folder, { recursive: true })));
    if (made === undefined) fs.mkdirSync(this.#folder, { recursive: true });
  }
}
