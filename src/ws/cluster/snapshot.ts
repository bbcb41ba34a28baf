import { type Address, formatAddress, sameAddress } from "../../common/address.ts";
import type { ProbeResult, RayGcs } from "../../common/probe-result.ts";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { type NodeStatus, parseStatus } from "../../common/protocol/node-status.ts";
import { ClusterView as HealthView } from "../../common/protocol/report-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { type NodeInfo, openGcs } from "../../gcs/client.ts";
import type { GcsOptions } from "../../gcs/link.ts";
import { probeGcs } from "../../gcs/probe.ts";
import { send } from "../checks/asking.ts";
import type { NodeSettings } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Service } from "../drivers/service.ts";
import type { Attempt } from "../failure.ts";

export const GCS_TIMEOUT_MS = 2000;
const HEALTH_TIMEOUT_MS = 1000;

/** A HEAD that answers, and the nodes that its GCS lists, dead ones included. */
export interface ClusterView {
  readonly head: RayGcs;
  readonly nodes: readonly NodeInfo[];
}

/** Why no GCS can be used: it has another token, is busy or out of reach, or there is none. */
export type NoHead =
  | { readonly reason: "wants-token" | "silent"; readonly at: string }
  | { readonly reason: "nobody" };

/** What the places answer in which a HEAD can be: more than one is a fault to show, and the first has the view. */
export type GcsSnapshot = Awaited<ReturnType<typeof askGcs>>;

/** Asks every address at once whether a GCS serves there, and the first one for its nodes. */
export async function askGcs(addresses: readonly Address[], options: GcsOptions) {
  const { token, tls } = options;
  const answers = await Promise.all(
    addresses.map((address) => probeGcs(address, { token, tls, timeoutMs: GCS_TIMEOUT_MS })),
  );
  const heads = answers.filter((answer) => answer.kind === "ray-gcs");
  const view = heads[0] && (await listNodes(heads[0], options));
  return { heads, view, options, noHead: view ? undefined : whyNone(answers) };
}

async function listNodes(head: RayGcs, options: GcsOptions): Promise<ClusterView | undefined> {
  const gcs = openGcs(head.address, options);
  try {
    const nodes = await gcs.nodes(GCS_TIMEOUT_MS);
    return nodes.ok ? { head, nodes: nodes.value } : undefined;
  } finally {
    gcs.close();
  }
}

function whyNone(answers: readonly ProbeResult[]): NoHead {
  const first = (...kinds: ProbeResult["kind"][]) => answers.find(({ kind }) => kinds.includes(kind));
  const head = first("ray-gcs");
  const refusing = head === undefined ? first("unauthorized") : undefined;
  if (refusing) return { reason: "wants-token", at: formatAddress(refusing.address) };
  const busy = head ?? first("timeout", "unreachable");
  return busy ? { reason: "silent", at: formatAddress(busy.address) } : { reason: "nobody" };
}

/** The same of this cluster: an explicit HEAD elsewhere, and those of `services` that run; without `services` all nodes. */
export async function gcsOf(driver: Driver, services?: readonly Service[]): Promise<GcsSnapshot> {
  // A member that has no container yet knows no HEAD.
  if (driver.cluster !== undefined && services?.length === 0) return askGcs([], driver);
  if (driver.cluster !== undefined) {
    const joined = await driver.cluster();
    return askGcs(joined?.heads ?? [], { token: joined?.token ?? null, tls: joined?.tls });
  }
  const { headAddress, nodes } = driver.settings;
  const isOurs = nodes.some(({ name }) => name === headAddress?.host);
  const own = services
    ? services.flatMap(({ running, gcs }) => (running && gcs ? [gcs] : []))
    : nodes.flatMap(({ headPort: port, ...node }) => (port ? { host: driver.hostOf(node), port } : []));
  return askGcs(headAddress === undefined || isOurs ? own : [headAddress, ...own], driver);
}

/** The node of config.yaml that is the HEAD now. */
export async function runningHead(driver: Driver): Attempt<NodeSettings> {
  const found = await driver.list("main");
  if (!found.ok) return found;
  const { heads, noHead } = await gcsOf(driver, found.value);
  const [head] = heads;
  const node = head && (driver.cluster ? memberHead(driver, head.address) : nodeAt(driver, head.address));
  if (node !== undefined) return ok(node);
  if (noHead?.reason === "wants-token") return err({ reason: "token-refused", at: noHead.at });
  const fix = "Start it: ws up. To see what it waits for: ws ps, ws logs.";
  return err({ reason: "not-running", what: "No HEAD of this cluster answers", fix });
}

/** Of several machines: the HEAD, wherever it is, as this machine's node reaches it, in whose place commands are typed. */
function memberHead({ settings }: Driver, { host, port: headPort }: Address): NodeSettings | undefined {
  const [own] = settings.nodes;
  const { dashboard: dashboardPort, client: clientPort } = DEFAULT_PORTS;
  return own && { ...own, address: host, loopbackAddress: host, headPort, dashboardPort, clientPort };
}

/** A port of a HEAD as it is dialled where commands for it are typed. */
export const addressInside = (driver: Driver, head: NodeSettings, port: number): Address =>
  driver.inside({ host: driver.cluster ? driver.hostOf(head) : head.name, port });

/** Where a HEAD's dashboard answers, as seen from here. */
export const dashboardUrl = ({ hostOf }: Driver, node: NodeSettings): string =>
  `http://${shownHost(hostOf(node))}:${node.dashboardPort}`;

/** The one of these services whose GCS answers; undefined where none does. */
export async function headAmong(driver: Driver, services: readonly Service[]): Promise<Service | undefined> {
  if (services.length === 0) return undefined;
  const [head] = (await gcsOf(driver, services)).heads;
  return services.find(({ gcs }) => gcs && head && sameAddress(gcs, head.address));
}

/** What the GCS knows of a node by that name: the living one, else the last of its lives. */
export function newestNamed(nodes: readonly NodeInfo[], name: string): NodeInfo | undefined {
  const lives = nodes.filter((node) => node.name === name).toSorted((a, b) => a.startedAtMs - b.startedAtMs);
  return lives.findLast(({ alive }) => alive) ?? lives.at(-1);
}

/** The node of config.yaml whose GCS serves at this address, as seen from here. */
export const nodeAt = ({ settings, hostOf }: Driver, { host, port }: Address): NodeSettings | undefined =>
  settings.nodes.find((node) => hostOf(node) === host && node.headPort === port);

export const shownHost = (host: string): string => (host === "127.0.0.1" ? "localhost" : host);

/** Where the cluster's health service answers, as seen from here. */
export const healthUrl = ({ settings: { health }, hostOf }: Driver): string =>
  health.externalUrl ?? `http://${hostOf(health)}:${health.port}`;

/** Whether the health service answers `GET /` with 200, or in a few words why not. */
export async function healthAnswers(driver: Driver): Promise<Result<void, string>> {
  try {
    const { status } = await send(healthUrl(driver), HEALTH_TIMEOUT_MS);
    return status === 200 ? ok(undefined) : err(`it answers ${status}`);
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    const why = name === "AbortError" ? `in ${HEALTH_TIMEOUT_MS} ms` : (code ?? message);
    return err(`it does not answer (${why})`);
  }
}

/** A read of the health service: of several machines with this member's credential. Throws where it does not answer. */
export async function askHealth(driver: Driver, path: string) {
  if (driver.cluster === undefined) return send(`${healthUrl(driver)}${path}`, HEALTH_TIMEOUT_MS);
  const answer = await (await driver.cluster())?.ask("GET", path);
  if (answer?.ok) return { status: answer.value.status, text: answer.value.body };
  throw new Error(answer?.error ?? "this machine is no member yet");
}

/** What the health service knows of the cluster; undefined where it keeps no lease. */
export async function healthView(driver: Driver): Promise<HealthView | undefined> {
  try {
    const { status, text } = await askHealth(driver, "/v1/cluster");
    return status === 200 ? HealthView.parse(JSON.parse(text)) : undefined;
  } catch {
    return undefined;
  }
}

/** What a node says of itself since its last start: in its own file, which outlives it, else to the health service. */
export async function statusOf(
  driver: Driver,
  node: string,
  service?: Pick<Service, "ref" | "startedAtMs">,
): Promise<NodeStatus | undefined> {
  const own = parseStatus(await driver.status((service ?? driver.absent(node)).ref));
  if (own !== undefined && own.startedAt >= (service?.startedAtMs ?? 0)) return own;
  return (await healthView(driver))?.nodes?.find(({ name }) => name === node)?.status;
}
