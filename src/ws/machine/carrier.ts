import { createHash } from "node:crypto";
import { once } from "node:events";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { readText } from "../../common/files.ts";
import { CA_FILE, CARRIER_FILE } from "../../common/protocol/join-protocol.ts";
import { parseJoinToken } from "../../common/protocol/join-token.ts";
import { err, ok } from "../../common/result.ts";
import { TLS_PORT } from "../compose/machine.ts";
import { CARRIER_VARIABLE } from "../compose/names.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { dockerRunner } from "../drivers/compose/engine.ts";
import type { Attempt } from "../failure.ts";
import type { Job } from "../output/progress.ts";
import { clusterFolder } from "../state/machine.ts";

/** The carrier as this project tags it. */
const IMAGE = "ray-entrypoint";

/** Puts the carrier image where the health service of this machine hands it out. Returns its tag. */
export async function makeCarrier(
  { env }: Pick<WsContext, "env">,
  { root, stateDir }: Pick<GlobalOptions, "root" | "stateDir">,
  { progress, signal }: Pick<Job, "progress" | "signal">,
): Attempt<string> {
  const docker = dockerRunner(env);
  const slow = { signal, timeoutMs: undefined };
  const image = env[CARRIER_VARIABLE] ?? IMAGE;
  progress.begin("carrier", "Making the carrier image");
  const onLine = (line: string) => progress.note("carrier", line.trim().slice(0, 80));
  const build = ["build", "-t", image, "-f", join(root, "docker/carrier.Dockerfile"), root];
  const built = env[CARRIER_VARIABLE] ? ok("") : await docker(build, { ...slow, onLine });
  if (!built.ok) return built;
  const tar = join(clusterFolder(stateDir), CARRIER_FILE);
  const saved = await docker(["save", "--output", `${tar}.new`, image], slow);
  if (!saved.ok) {
    rmSync(`${tar}.new`, { force: true });
    return saved;
  }
  renameSync(`${tar}.new`, tar);
  progress.done("carrier", "The health service of this machine hands out the carrier image");
  return ok(image);
}

/** What is typed on a machine that has nothing but Docker. `base`: the Ray image of this machine's node. */
export async function carrierLines(
  stateDir: string,
  { word, image, base }: Readonly<Record<"word" | "image" | "base", string>>,
): Attempt<string[]> {
  const token = parseJoinToken(word);
  const key = await publicKeyOf(`${readText(join(clusterFolder(stateDir), CA_FILE))}`);
  if (!token.ok || !key.ok)
    return err({ reason: "service-refused", what: "show its key", why: key.ok ? "no token" : key.error });
  const { services, secret } = token.value;
  const pin = `--insecure --pinnedpubkey 'sha256//${key.value}'`;
  const mounts = "-v /var/run/docker.sock:/var/run/docker.sock";
  return ok([
    `curl -fsS ${pin} -H 'Authorization: Bearer ${secret}' https://${services[0]}/v1/carrier | docker load`,
    `docker run --rm --network host ${mounts} ${image} join ${word} --image ${base}`,
  ]);
}

const TIMEOUT_MS = 3000;

/** SHA-256 of the public key that the health service of this machine shows, as curl's --pinnedpubkey has it. */
async function publicKeyOf(ca: string) {
  // By its CA alone, as everywhere: the certificate has the address that others dial.
  const socket = connect({ host: "127.0.0.1", port: TLS_PORT, ca, checkServerIdentity: () => undefined });
  try {
    await once(socket, "secureConnect", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
    return key === undefined ? err("no certificate") : ok(createHash("sha256").update(key).digest("base64"));
  } catch (error) {
    return err((error as Error).message);
  } finally {
    socket.destroy();
  }
}
