import { networkInterfaces } from "node:os";
import { formatAddress } from "../../common/address.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Config } from "../config.ts";
import type { Event } from "../event.ts";
import type { ServiceFailure } from "../failure.ts";
import { overTls } from "../http/tls.ts";
import { inTime } from "../lease/state-file.ts";
import { Cluster } from "./cluster.ts";
import { ClusterFile, newCluster } from "./cluster-file.ts";
import { type ClusterState, settle } from "./cluster-state.ts";
import { ClusterStore } from "./cluster-store.ts";
import { ServerKeys } from "./server-keys.ts";
import { askLeaders } from "./services/peers.ts";
import { outranks } from "./services/rank.ts";
import { type OwnMembership, parseReplica, replicaPath } from "./services/replica.ts";
import { Takeover, type TakeoverSettings } from "./services/takeover.ts";

const DISK_TIMEOUT_MS = 10_000;
const COPY_AGAIN_MS = 2000;

type Log = (event: Event) => void;

/**
 * The cluster that RAY_EP_CLUSTER_DIR keeps; else a copy of the one that this machine's node belongs to; else a new one.
 * `transport`: TLS with a certificate of its CA.
 */
export async function openCluster(folder: string, config: Config, log: Log) {
  const { RAY_EP_HEALTH_ADVERTISE: at } = config;
  const file = new ClusterFile(folder);
  const fail = (cause: string) => err<ServiceFailure>({ reason: "cluster-unusable", file: file.path, cause });
  // config.ts wants it.
  if (at === null) return fail("no address");
  const host = presentHost(at.host, file.membership(), networkInterfaces());
  const advertise = formatAddress({ ...at, host });
  if (host !== at.host) log({ type: "service-moved", from: at.host, to: host });
  const state = await findState(file, config, advertise, log);
  if (!state.ok) return fail(state.error);
  const admin = await inTime(DISK_TIMEOUT_MS, file.settle(state.value));
  if (!admin.ok) return fail(admin.error);
  const { cluster, members } = state.value;
  const onAuthority = () => keys.renew();
  const store: ClusterStore = new ClusterStore({ state: state.value, file, log, onAuthority });
  const keys = await ServerKeys.open(() => store.state, host);
  log({ type: "cluster", ...cluster, members: members.length, advertise });
  const clusterSettings = { store, admin: admin.value, log };
  const clocks = { now: monotonicMs, wallNow: Date.now, graceMs: config.RAY_EP_LEASE_TTL };
  const made = new Cluster({ ...clusterSettings, ...clocks });
  const onPromoted = () => made.callers.begin();
  const own = { store, advertise, membership: () => file.membership(), onPromoted, log };
  return ok({
    cluster: made,
    takeover: (lease: TakeoverSettings["lease"]) => new Takeover({ ...own, lease }),
    transport: (maxHandshakes: number) => overTls(keys, maxHandshakes),
  });
}

async function findState(
  file: ClusterFile,
  { RAY_EP_CLUSTER_NAME: name, RAY_EP_CLUSTER_RAY_TLS: rayTls }: Config,
  advertise: string,
  log: Log,
): Promise<Result<ClusterState, string>> {
  const kept = await inTime(DISK_TIMEOUT_MS, file.read());
  if (!kept.ok) return kept;
  if (kept.value !== null) return ok(settle(kept.value, advertise));
  if (file.membership() !== undefined) return ok(await firstCopy(file, advertise, log));
  return file.hasMembership ? err(DAMAGED) : ok(await newCluster(name, advertise, rayTls));
}

/** Where members reach this service: its machine's card may have another address than when the machine joined (DHCP). Pure. */
export function presentHost(
  advertised: string,
  joined: Pick<OwnMembership, "address" | "interface"> | undefined,
  cards: ReturnType<typeof networkInterfaces>,
): string {
  const isThere = Object.values(cards).some((card) => card?.some(({ address }) => address === advertised));
  if (isThere || joined?.address !== advertised || joined.interface === undefined) return advertised;
  return cards[joined.interface]?.find(({ family }) => family === "IPv4")?.address ?? advertised;
}

const DAMAGED = `it is not there, and ${MEMBERSHIP_FILE} beside it, by which it could be copied, is damaged; put what the node keeps of that name there`;

/** Waits for a service that decides: without its CA this one can neither listen nor be asked. */
async function firstCopy(file: ClusterFile, advertise: string, log: Log): Promise<ClusterState> {
  for (;;) {
    const { member, credential, ca, services } = file.membership() ?? NOBODY;
    const path = replicaPath({ service: advertise, rank: { term: 0, leader: services[0] ?? "" } });
    const answers = await askLeaders(services, ca, path, `${member}:${credential}`);
    const found = answers.flatMap((body) => parseReplica(body) ?? []);
    const [replica] = found.toSorted((a, b) => (outranks(a.state, b.state) ? -1 : 1));
    if (replica !== undefined) return { ...replica.state, decides: false };
    log({ type: "no-copy", services, isMember: services.length > 0 });
    await pause(COPY_AGAIN_MS);
  }
}

const NOBODY = { member: "", credential: "", ca: "", services: [] };
