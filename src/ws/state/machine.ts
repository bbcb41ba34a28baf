import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { replaceFile } from "../../common/files.ts";
import { MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { WsFailure } from "../failure.ts";

/** This machine's part in a cluster of several: what `ws init` or `ws join` was told, or chose. */
const Machine = z.object({
  /** The member's name: the machine's when it joined. */
  name: z.string(),
  candidate: z.boolean(),
  /** The network card whose address the node has, or that address; undefined: what faces the health service. */
  interface: z.optional(z.string()),
  address: z.optional(z.string()),
  /** The Ray image instead of config.yaml's. */
  image: z.optional(z.string()),
  /** The cluster that this machine makes has a Ray that speaks TLS. */
  rayTls: z.optional(z.boolean()),
  /** Set: a health service runs here, and what it tells others of where that is, host:port. */
  advertise: z.optional(z.string()),
});
export type Machine = z.infer<typeof Machine>;

/** For Compose's secret of that name as well. */
export const JOIN_TOKEN = "join_token";

/** The folder of this machine's part: compose.yaml, machine.json, secrets, kept logs. */
export const machineFolder = (stateDir: string): string => join(stateDir, "machine");

/** The folder of the join token and Ray's token, closed to other users. */
export const machineSecrets = (stateDir: string): string => join(machineFolder(stateDir), "secrets");

/** The folder of the cluster's identity, which its health service makes. */
export const clusterFolder = (stateDir: string): string => join(stateDir, "cluster");

const fileOf = (stateDir: string): string => join(machineFolder(stateDir), "machine.json");

/** Undefined where this machine is no member. Throws what the system refuses: then nobody knows whether it is one. */
export function readMachine(stateDir: string): Result<Machine | undefined, WsFailure> {
  const path = fileOf(stateDir);
  const text = readIfThere(path);
  const machine = text === undefined ? undefined : attempt(() => Machine.parse(JSON.parse(text)));
  if (text === undefined || machine !== undefined) return ok(machine);
  return err({
    ...{ reason: "io-failed", path, message: "it is damaged, and says what this machine is a member of" },
    fix: "Put a copy of it back. Without one: end the membership (ws remove NAME on the first machine), remove the containers and volumes that docker ps -a and docker volume ls show of it, and this file.",
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes the folders, closed to other users. `token`: empty until there is one; left out: as it is. */
export function writeMachine(stateDir: string, machine: Machine, token?: string): void {
  for (const folder of [machineFolder(stateDir), machineSecrets(stateDir)])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (machine.advertise !== undefined) mkdirSync(clusterFolder(stateDir), { recursive: true, mode: 0o700 });
  replaceFile(fileOf(stateDir), `${JSON.stringify(machine, null, 2)}\n`);
  if (token !== undefined) writeJoinToken(stateDir, token);
}

/** For the user of the node, whose id is its image's own; the folder keeps this machine's others out. */
export const writeJoinToken = (stateDir: string, token: string): void =>
  replaceFile(join(machineSecrets(stateDir), JOIN_TOKEN), token, 0o444);

/** A member needs it no more, and its tasks could read it. In place: the node's container has this very file, not its name. */
export function emptyJoinToken(stateDir: string): void {
  const path = join(machineSecrets(stateDir), JOIN_TOKEN);
  chmodSync(path, 0o600);
  truncateSync(path);
  chmodSync(path, 0o444);
}

/** By its node's membership a health service here asks the others, and stands by while one of them decides. */
export const giveMembership = (stateDir: string, membership: string): void =>
  replaceFile(join(clusterFolder(stateDir), MEMBERSHIP_FILE), membership, 0o600, true);

/** All that is there of this machine's part, the cluster's identity included. */
export function partsOf(stateDir: string): string[] {
  const folder = machineFolder(stateDir);
  const parts = (attempt(() => readdirSync(folder)) ?? []).map((part) => join(folder, part));
  const cluster = clusterFolder(stateDir);
  return existsSync(cluster) ? [...parts, cluster] : parts;
}

/** The logs of a node that did not start. */
export const logsOf = (stateDir: string): string => join(machineFolder(stateDir), "logs");

/** Nothing of the membership is left. `but`: what stays. */
export function forgetMachine(stateDir: string, but: readonly string[] = []): void {
  for (const path of partsOf(stateDir))
    if (!but.includes(path)) rmSync(path, { recursive: true, force: true });
  attempt(() => rmdirSync(machineFolder(stateDir)));
}
