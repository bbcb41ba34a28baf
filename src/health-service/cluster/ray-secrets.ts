import type * as z from "zod/mini";
import { sameHost } from "../../common/address.ts";
import type * as admin from "../../common/protocol/admin-protocol.ts";
import type * as wire from "../../common/protocol/join-protocol.ts";
import type { ClusterNews, ClusterView } from "../../common/protocol/report-protocol.ts";
import { makeAuthority, makeRayAuthority, signRayKey } from "./certificates.ts";
import { otherAt } from "./cluster-state.ts";
import type { ClusterSettings } from "./cluster-store.ts";
import * as membership from "./membership.ts";
import { newSecret } from "./secrets.ts";

const NO_CERTIFICATE =
  "expected a public key of P-256 as PEM, in a cluster whose Ray speaks TLS (RAY_EP_CLUSTER_RAY_TLS, when it was made)";

/**
 * Members know Ray's token by its number. The service before may have made some that were lost with it, and members may have them: a
 * number of another term is none of theirs.
 */
const TOKENS_A_TERM = 1000;
/** A member that was away while there were more CAs than these must join again. */
const MAX_EARLIER = 8;

/** Ray's token and the CA of its keys where it speaks TLS; and what is made anew with them. */
export class RaySecrets {
  readonly #settings: ClusterSettings;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
  }

  /** The 200 of `GET /v1/ray-token`. */
  token(): z.infer<typeof wire.RayToken> {
    const { rayToken, rayTokenId, rayAuthority, authority } = this.#settings.store.state;
    return { rayToken, rayTokenId, rayCa: rayAuthority?.certificate, ca: authority.certificate };
  }

  /**
   * Makes anew what removed machines know: Ray's token, the CA of its keys where it speaks TLS, and the health services' own CA. Members
   * hear of it; join tokens, which name the CA, end. The 200 of `POST /v1/ray-token`; null where it cannot be kept.
   */
  rotate(): Promise<admin.Rotated | null> {
    const { store, wallNow, log } = this.#settings;
    return store.change(async () => {
      const { state } = membership.revokeTokens(store.state, undefined, wallNow());
      const { authority, earlier, cluster } = state;
      const rayTokenId = Math.max(state.rayTokenId + 1, (state.term - 1) * TOKENS_A_TERM);
      const rayAuthority = state.rayAuthority && (await makeRayAuthority(cluster.id, wallNow()));
      const known = [authority, ...earlier].slice(0, MAX_EARLIER);
      const own = { authority: await makeAuthority(cluster.id, wallNow()), earlier: known };
      if (!(await store.keep({ ...state, ...own, rayToken: newSecret(), rayTokenId, rayAuthority })))
        return null;
      log({ type: "ray-token-made", rayTokenId });
      return { rayTokenId };
    });
  }

  /**
   * The 200 of `POST /v1/ray-certificate`, or why there is none. Nobody is to pass for another member's Ray; but an address that this
   * machine has now (`peer`: where it asks from) may have been another one's.
   */
  async certify(member: string, { key, address }: wire.RayCertificateRequest, peer: string) {
    const { state } = this.#settings.store;
    for (const host of address === peer ? [member] : [member, address]) {
      const other = otherAt(state, member, host);
      if (other !== undefined) return `${host} is ${other.name}'s, as far as this service knows`;
    }
    const { rayAuthority } = state;
    const hosts = [member, address, "localhost", "127.0.0.1"];
    const cert = rayAuthority && (await signRayKey(rayAuthority, key, hosts, this.#settings.wallNow()));
    return cert ? ({ cert, ca: rayAuthority.certificate } satisfies wire.RayCertificate) : NO_CERTIFICATE;
  }
}

type Node = Pick<ClusterView["nodes"][number], "name" | "role" | "state" | "rayTokenId">;

/**
 * The news for this member, whose report names a token of Ray's (`own`). Of another one a HEAD hears first, while it runs with the
 * one before: it would refuse a node that has the new one. Pure.
 */
export function newsFor(
  { name, own }: { readonly name: string; readonly own: number | undefined },
  { rayTokenId, ...news }: ClusterNews,
  nodes: () => readonly Node[],
): ClusterNews {
  const mayHear = (head: Node) =>
    head.role !== "head" ||
    head.state === "stopped" ||
    head.rayTokenId === rayTokenId ||
    sameHost(head.name, name);
  return own === rayTokenId || nodes().every(mayHear) ? { ...news, rayTokenId } : news;
}
