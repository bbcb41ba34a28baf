import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { readRegular } from "../../common/files.ts";
import { ADMIN_FILE, CA_FILE, DEFAULT_PORTS, MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { writeDurably } from "../durable.ts";
import { makeAuthority, makeRayAuthority } from "./certificates.ts";
import { ClusterState } from "./cluster-state.ts";
import { newSecret } from "./secrets.ts";
import { type OwnMembership, parseMembership } from "./services/replica.ts";

/** What lies in RAY_EP_CLUSTER_DIR: the whole cluster in `cluster.json`, and beside it what its own machine needs to ask this service. */
export class ClusterFile {
  readonly path: string;
  readonly #folder: string;
  /** The CA's certificate that lies there. */
  #ca = "";

  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "cluster.json");
  }

  /** The cluster that is kept here; null where there is none. An error says what the disk did. */
  async read(): Promise<Result<ClusterState | null, string>> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const why = await this.#close();
      if (why !== undefined) return err(why);
      const text = await readOptional(this.path);
      if (text === null) return ok(null);
      const state = attempt(() => z.parse(ClusterState, JSON.parse(text)));
      return state === undefined ? err("it is not a cluster file of this program") : ok(state);
    } catch (error) {
      return err((error as Error).message);
    }
  }

  /** Shuts others out of the folder; else why it must not: /tmp, say, or that of another user. */
  async #close(): Promise<string | undefined> {
    const { uid, mode } = await stat(this.#folder);
    if ((mode & 0o077) === 0) return undefined;
    if (uid !== process.geteuid?.() || (mode & 0o022) !== 0)
      return `expected a folder that is this user's alone, got one of user ${uid} with mode ${(mode & 0o7777).toString(8)}; name another folder, or close it: chmod 700`;
    await chmod(this.#folder, 0o700);
    return undefined;
  }

  /** Keeps the cluster, and what this machine needs to ask its service: the admin's credential, made where there is none. */
  async settle(state: ClusterState): Promise<Result<string, string>> {
    try {
      const given = await readOptional(join(this.#folder, ADMIN_FILE));
      const admin = given?.trim() || newSecret();
      await writeDurably(join(this.#folder, ADMIN_FILE), `${admin}\n`);
      const saved = await this.save(state);
      return saved.ok ? ok(admin) : saved;
    } catch (error) {
      return err((error as Error).message);
    }
  }

  /** Also where it cannot be read. */
  get hasMembership(): boolean {
    return existsSync(join(this.#folder, MEMBERSHIP_FILE));
  }

  /** Of this machine's node; undefined where there is none that can be read. */
  membership(): OwnMembership | undefined {
    return parseMembership(readRegular(join(this.#folder, MEMBERSHIP_FILE)));
  }

  /** Returns when it is on the disk, or why it cannot be. */
  async save(state: ClusterState): Promise<Result<void, string>> {
    try {
      await writeDurably(this.path, `${JSON.stringify(state)}\n`);
      const { certificate } = state.authority;
      if (this.#ca !== certificate) await writeDurably(join(this.#folder, CA_FILE), certificate);
      this.#ca = certificate;
      return ok(undefined);
    } catch (error) {
      return err((error as Error).message);
    }
  }
}

async function readOptional(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** A cluster that nobody has joined yet, which the service at this address decides about. `rayTls`: its Ray speaks TLS. */
export async function newCluster(name: string, at: string, rayTls: boolean): Promise<ClusterState> {
  const id = randomUUID();
  const authority = await makeAuthority(id, Date.now());
  const rayAuthority = rayTls ? await makeRayAuthority(id, Date.now()) : undefined;
  const first = { term: 1, leader: at, decides: true, services: [{ at, member: null }] };
  const nobody = { versions: null, members: [], removed: [], tokens: [] };
  const known = {
    cluster: { name, id },
    rayToken: newSecret(),
    rayTokenId: 1,
    ports: DEFAULT_PORTS,
    ...{ authority, earlier: [], rayAuthority },
  };
  return { version: 1, ...known, ...first, ...nobody };
}
