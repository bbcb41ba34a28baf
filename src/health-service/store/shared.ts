import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Address } from "../../common/address.ts";
import { monotonicMs, pause } from "../../common/deadline.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { Config } from "../config.ts";
import type { ServiceFailure } from "../failure.ts";
import { startLease } from "../lease/lease-state.ts";
import { OwnKeeping } from "../lease/own-keeping.ts";
import { SharedKeeping } from "../lease/shared-keeping.ts";
import type { ServiceSettings } from "../service.ts";
import { type EtcdTls, openEtcd } from "./etcd.ts";

/** The lease in that etcd; what this service remembers by itself is the highest epoch that it heard of. */
export async function openShared(
  config: Config,
  members: readonly Address[],
  { recalled, file, log }: Pick<ServiceSettings, "recalled" | "file" | "log">,
): Promise<Result<SharedKeeping, ServiceFailure>> {
  const { RAY_EP_LEASE_TTL: ttlMs, RAY_EP_CLUSTER_NAME: name } = config;
  const tls = await readKeys(config);
  if (!tls.ok) return tls;
  const clock = { now: monotonicMs, pause };
  const etcd = await openEtcd(members, tls.value, clock);
  const own = new OwnKeeping(startLease(recalled, monotonicMs(), ttlMs), { file, pause, log });
  const store = etcd(`/ray-entrypoint/${name}/lease`);
  return ok(new SharedKeeping({ store, own, ttlMs, ...clock, log }));
}

/** The keys for that etcd; null: it is spoken to without TLS. */
async function readKeys(config: Config): Promise<Result<EtcdTls | null, ServiceFailure>> {
  const files = {
    ca: config.RAY_EP_HEALTH_STORE_CA,
    cert: config.RAY_EP_HEALTH_STORE_CERT,
    key: config.RAY_EP_HEALTH_STORE_KEY,
  };
  if (files.ca === null) return ok(null);
  const texts: Record<string, string> = {};
  const { createSecureContext } = await import("node:tls");
  for (const [what, file] of Object.entries(files)) {
    if (file === null) continue;
    try {
      texts[what] = await readFile(file, "utf8");
      // Else a CA that is none is ignored, and other keys that are none throw at the first request.
      if (what === "ca") new X509Certificate(texts[what]);
      createSecureContext(texts);
    } catch (error) {
      return err({ reason: "store-keys", file, cause: (error as Error).message });
    }
  }
  return ok({ ...texts, ca: texts.ca ?? "" });
}
