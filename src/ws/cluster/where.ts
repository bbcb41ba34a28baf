import { type Address, sameAddress } from "../../common/address.ts";
import { findHeads, type Sight } from "../cluster-view.ts";
import type { NodeSettings } from "../config/settings.ts";
import type { Driver, Service } from "../drivers/driver.ts";

/** Where the cluster's health service answers, as seen from here. */
export function healthUrl({ settings: { health }, hostOf }: Driver): string {
  return health.externalUrl ?? `http://${hostOf(health)}:${health.port}`;
}

/** Where a HEAD of this cluster can be, as seen from here. Another cluster may answer there. */
export function allHeads(driver: Driver): Sight {
  const own = driver.settings.nodes.map((node) => ({ host: driver.hostOf(node), port: node.headPort }));
  return sight(driver, [...elsewhere(driver), ...own]);
}

/** Where a HEAD of ours can serve now: on another machine, or at a node that runs. */
export function ownHeads(driver: Driver, services: readonly Service[]): Sight {
  const serving = services.flatMap(({ running, gcs }) => (running && gcs !== undefined ? [gcs] : []));
  return sight(driver, [...elsewhere(driver), ...serving]);
}

const sight = ({ token, tls }: Driver, headAddresses: readonly Address[]): Sight => ({
  headAddresses,
  token,
  tls,
});

/** The explicit HEAD, where it is none of our nodes. */
const elsewhere = ({ settings: { headAddress, nodes } }: Driver): Address[] =>
  headAddress === undefined || nodes.some(({ name }) => name === headAddress.host) ? [] : [headAddress];

/** The one of these services whose GCS answers; undefined where none does. */
export async function headAmong(driver: Driver, services: readonly Service[]): Promise<Service | undefined> {
  if (services.length === 0) return undefined;
  const [head] = await findHeads(ownHeads(driver, services));
  return services.find(({ gcs }) => gcs && head && sameAddress(gcs, head.address));
}

/** The node of config.yaml whose GCS serves at this address, as seen from here. */
export const nodeAt = ({ settings, hostOf }: Driver, { host, port }: Address): NodeSettings | undefined =>
  settings.nodes.find((node) => hostOf(node) === host && node.headPort === port);

/** As a person opens it. */
export const shownHost = (host: string): string => (host === "127.0.0.1" ? "localhost" : host);
