import { createHash, X509Certificate } from "node:crypto";
import { formatAddress } from "../../common/address.ts";
import { monotonicMs } from "../../common/deadline.ts";
import { err, ok } from "../../common/result.ts";
import type { Config } from "../config.ts";
import type { Event, ServiceFailure } from "../event.ts";
import { overTls } from "../http/tls.ts";
import { inTime } from "../lease/state-file.ts";
import { makeServerKeys } from "./certificates.ts";
import { Cluster } from "./cluster.ts";
import { ClusterFile } from "./cluster-file.ts";

const OPEN_TIMEOUT_MS = 10_000;

/** The cluster that RAY_EP_CLUSTER_DIR keeps, or a new one. `transport`: TLS with a certificate of it. */
export async function openCluster(folder: string, config: Config, log: (event: Event) => void) {
  const { RAY_EP_CLUSTER_NAME: name, RAY_EP_HEALTH_ADVERTISE: at } = config;
  const file = new ClusterFile(folder);
  const opened = await inTime(OPEN_TIMEOUT_MS, file.open(name));
  if (!opened.ok || at === null)
    return err<ServiceFailure>({
      reason: "cluster-unusable",
      file: file.path,
      cause: opened.ok ? "no address" : opened.error,
    });
  const { state, admin } = opened.value;
  const { authority, cluster, members } = state;
  const keys = await makeServerKeys(authority, at.host, Date.now());
  const pin = createHash("sha256").update(new X509Certificate(authority.certificate).raw).digest("base64url");
  const advertise = formatAddress(at);
  log({ type: "cluster", ...cluster, members: members.length, advertise });
  const around = { file, now: monotonicMs, wallNow: Date.now, log };
  return ok({
    cluster: new Cluster({ state, admin, pin, advertise, ...around }),
    transport: (maxHandshakes: number) => overTls(keys, maxHandshakes),
  });
}
