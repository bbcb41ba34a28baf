import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { ADMIN_FILE, CA_FILE, DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import { writeDurably } from "../durable.ts";
import { makeAuthority } from "./certificates.ts";
import { ClusterState } from "./cluster-state.ts";
import { newSecret } from "./secrets.ts";

/** What lies in RAY_EP_CLUSTER_DIR: the whole cluster in `cluster.json`, and beside it what its own machine needs to ask this service. */
export class ClusterFile {
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "cluster.json");
  }

  /** The cluster that is kept here, or a new one, kept from now on; and the admin's credential. An error says what the disk did. */
  async open(name: string): Promise<Result<{ state: ClusterState; admin: string }, string>> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await chmod(this.#folder, 0o700);
      const kept = await this.#read();
      if (!kept.ok) return kept;
      const state = kept.value ?? (await newCluster(name));
      const given = await readOptional(join(this.#folder, ADMIN_FILE));
      const admin = given?.trim() || newSecret();
      await writeDurably(join(this.#folder, ADMIN_FILE), `${admin}\n`);
      await writeDurably(join(this.#folder, CA_FILE), state.authority.certificate);
      const saved = await this.save(state);
      return saved.ok ? ok({ state, admin }) : saved;
    } catch (error) {
      return err((error as Error).message);
    }
  }

  /** Returns when it is on the disk, or why it cannot be. */
  async save(state: ClusterState): Promise<Result<void, string>> {
    try {
      await writeDurably(this.path, `${JSON.stringify(state)}\n`);
      return ok(undefined);
    } catch (error) {
      return err((error as Error).message);
    }
  }

  async #read(): Promise<Result<ClusterState | null, string>> {
    const text = await readOptional(this.path);
    if (text === null) return ok(null);
    const state = attempt(() => z.parse(ClusterState, JSON.parse(text)));
    return state === undefined ? err(`${this.path} is not a cluster file of this program`) : ok(state);
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

async function newCluster(name: string): Promise<ClusterState> {
  const id = randomUUID();
  const authority = await makeAuthority(id, Date.now());
  const nobody = { versions: null, members: [], removed: [], tokens: [] };
  return {
    version: 1,
    cluster: { name, id },
    rayToken: newSecret(),
    ports: DEFAULT_PORTS,
    authority,
    ...nobody,
  };
}
