import type { Address } from "../../common/address.ts";
import { publishHeadEpoch, readHeadEpoch } from "../../gcs/head-epoch.ts";
import type { OtherHeadDeps } from "../lease/other-head.ts";
import type { OwnGcs } from "./own-gcs.ts";
import type { RunDeps } from "./run-deps.ts";

/** What a HEAD needs to look for others: it stores its epoch in its own GCS, and reads theirs in theirs. */
export function besideOthers(own: OwnGcs, { clock, lease, probe, ray }: RunDeps): OtherHeadDeps {
  return {
    clock,
    probe,
    epochAt: async (address: Address, timeoutMs: number) => {
      const gcs = ray.gcs(address);
      const epoch = await readHeadEpoch(gcs, timeoutMs);
      gcs.close();
      return epoch;
    },
    publish: async (epoch) => (own.isKnown ? publishHeadEpoch(own, epoch) : undefined),
    epoch: () => lease.epoch,
  };
}
