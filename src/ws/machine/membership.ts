import { isIPv4 } from "node:net";
import { join } from "node:path";
import * as z from "zod/mini";
import { type Address, whitelist } from "../../common/address.ts";
import { replaceFile } from "../../common/files.ts";
import { attempt } from "../../common/result.ts";
import { ownTlsFiles } from "../../gcs/tls.ts";
import { imageName, STATE_FOLDER, stateVolumeName } from "../compose/names.ts";
import type { Settings } from "../config/settings.ts";
import { RAY_TOKEN } from "../config/tokens.ts";
import { CHANGE_MS, type Engine } from "../drivers/compose/engine.ts";
import { machineSecrets } from "../state/machine.ts";
import type { Access } from "./service.ts";

/** Where a node keeps its membership. */
const FILE = `${STATE_FOLDER}/membership.json`;

/** What we read of it. */
const Membership = z.object({
  member: z.string(),
  address: z.string(),
  credential: z.string(),
  rayToken: z.string(),
  rayTls: z.optional(z.boolean()),
  rayKeys: z.optional(z.object({ cert: z.string(), key: z.string(), ca: z.string() })),
  candidates: z.string(),
  services: z.array(z.string()),
  ca: z.string(),
  /** What the service said when this member was removed. */
  removed: z.optional(z.string()),
});
/** `text`: the file itself. */
export type Membership = z.infer<typeof Membership> & { readonly text: string };

/** The membership in a node's container, which need not run; undefined where it has none. */
export async function membershipIn(
  { docker }: Pick<Engine, "docker">,
  container: string,
): Promise<Membership | undefined> {
  // A tar archive of this one file, whose header has no braces.
  const archive = await docker(["cp", `${container}:${FILE}`, "-"]);
  const all = archive.ok ? archive.value : "";
  return parse(all.slice(all.indexOf("{"), all.lastIndexOf("}") + 1));
}

/** The same after `ws down`, when the node's volume is left; undefined too where the volume or the image is gone. */
export async function keptMembershipIn(
  { docker }: Pick<Engine, "docker">,
  settings: Settings,
  node: string,
): Promise<Membership | undefined> {
  const volume = stateVolumeName(settings, node);
  // The engine would make one for the container.
  const there = await docker(["volume", "ls", "--quiet", "--filter", `name=^${volume}$`]);
  if (!there.ok || there.value.trim() === "") return undefined;
  const where = ["--network", "none", "--user", "root", "--volume", `${volume}:${STATE_FOLDER}:ro`];
  const image = ["--pull", "never", "--entrypoint", "cat", imageName(settings, node)];
  const read = await docker(["run", "--rm", ...where, ...image, FILE], { timeoutMs: CHANGE_MS });
  return read.ok ? parse(read.value) : undefined;
}

const parse = (text: string): Membership | undefined =>
  attempt(() => ({ ...Membership.parse(JSON.parse(text)), text }));

/** A node that joins keeps its membership before it has keys for its Ray. Pure. */
export const isWhole = ({ rayTls, rayKeys }: Membership): boolean => !rayTls || rayKeys !== undefined;

/** How its health services are asked. Pure. */
export const accessOf = ({ services, ca, member, credential }: Membership): Access => ({
  ...{ services, ca, bearer: `${member}:${credential}` },
});

/** For programs of this user's: ws env names the files. */
export function keepForUser(stateDir: string, { rayToken, rayKeys }: Membership): void {
  const secrets = machineSecrets(stateDir);
  const keys = rayKeys === undefined ? [] : ownTlsFiles(secrets, rayKeys);
  for (const { path, text } of [{ path: join(secrets, RAY_TOKEN), text: rayToken }, ...keys])
    replaceFile(path, text, 0o600);
}

/** Where those serve that may be HEAD, as HEAD_WHITELIST has them. Pure. */
export function headsIn({ candidates }: Pick<Membership, "candidates">): Address[] {
  const entries = whitelist.parse(candidates);
  return entries.ok
    ? entries.value.flatMap(({ host, port }) => (isIPv4(host) && port ? [{ host, port }] : []))
    : [];
}
