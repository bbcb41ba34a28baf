import { type Address, sameAddress } from "../../common/address.ts";
import type { Clock } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import type { GcsClient } from "../../gcs/client.ts";
import { publishHeadEpoch, readHeadEpoch } from "../../gcs/head-epoch.ts";

/**
 * The GCS of this node's cluster. Before Ray runs, its address is only a guess: a name may resolve differently here
 * (Debian maps the hostname to 127.0.1.1), and Ray itself chooses an interface. Its processes know it.
 */
export class OwnGcs {
  readonly #open: (address: Address) => GcsClient;
  address: Address;
  /** To be taken anew for each call: it changes with the address. */
  client: GcsClient;
  #isKnown = false;

  constructor(guess: Address, open: (address: Address) => GcsClient) {
    this.#open = open;
    this.address = guess;
    this.client = open(guess);
  }

  /** Sets the address of the GCS; undefined: the guess is used. */
  moveTo(address: Address | undefined): void {
    this.#isKnown = true;
    if (address === undefined || sameAddress(address, this.address)) return;
    this.client.close();
    this.address = address;
    this.client = this.#open(address);
  }

  /** Stores this HEAD's epoch; undefined while the address is only a guess, at which another node's GCS may serve. */
  readonly publish = async (epoch: number) =>
    this.#isKnown ? publishHeadEpoch(this.client, epoch) : undefined;

  /** The epoch that the HEAD at `address` has stored. */
  readonly epochAt = async (address: Address, timeoutMs: number): Promise<number> => {
    const gcs = this.#open(address);
    const epoch = await readHeadEpoch(gcs, timeoutMs);
    gcs.close();
    return epoch;
  };
}

/**
 * Looks after a HEAD while Ray itself would wait for it half a minute and more: as it starts, and as it drains. Resolves
 * with the cause when it gave no answer so many `times` in a row, or comes back as another cluster; never when `signal`
 * aborts first. `onSeen` is called for each answer.
 */
export async function untilHeadGone(
  own: Pick<OwnGcs, "client">,
  { everyMs, times, timeoutMs }: Record<"everyMs" | "times" | "timeoutMs", number>,
  onSeen: () => void,
  clock: Pick<Clock, "pause">,
  signal: AbortSignal,
): Promise<string> {
  let joined: string | undefined;
  let silent = 0;
  while (await clock.pause(everyMs, signal)) {
    const seen = await own.client.clusterId(timeoutMs);
    if (signal.aborted) break;
    if (seen.ok) {
      silent = 0;
      joined ??= seen.value;
      if (joined !== seen.value) return "it restarted";
      onSeen();
    } else if (++silent >= times) return seen.error.kind;
  }
  return new Promise(() => {});
}

/**
 * What a HEAD's Ray stores about itself, as JSON (ray/_common/usage/usage_lib.py, put_cluster_metadata, 2.40 to
 * 2.60).
 */
const METADATA = { namespace: "cluster", key: "CLUSTER_METADATA" };
const METADATA_TIMEOUT_MS = 5000;

/**
 * Why a node with this Python version (`3.12`) may not join. Ray refuses other minor versions, but only after seconds
 * and with a long trace. Null if it may join, or one of the versions is not known.
 */
export async function comparePython(own: OwnGcs, ours: string | null): Promise<Failure | null> {
  if (ours === null) return null;
  const metadata = await own.client.kvGet(METADATA, METADATA_TIMEOUT_MS);
  // Any task of the cluster can write there.
  const [, theirs, minor] =
    /"python_version":\s*"((3\.\d{1,3})[\w.+]{0,20})"/.exec(metadata.ok ? metadata.value : "") ?? [];
  if (theirs === undefined || minor === ours) return null;
  return { reason: "python-differs", head: own.address, theirs, ours };
}
