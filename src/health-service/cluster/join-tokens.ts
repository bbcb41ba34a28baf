import { pinOf } from "../../common/net/pinned-tls.ts";
import type * as admin from "../../common/protocol/admin-protocol.ts";
import { formatJoinToken } from "../../common/protocol/join-token.ts";
import type { ClusterSettings } from "./cluster-store.ts";
import * as membership from "./membership.ts";
import { digestOf, newSecret } from "./secrets.ts";

/** The cluster's join tokens, of which it keeps digests alone. */
export class JoinTokens {
  readonly #settings: ClusterSettings;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
  }

  /** The 200 of `POST /v1/tokens`; null where it cannot be kept. */
  make(request: admin.TokenRequest): Promise<admin.TokenMade | null> {
    const { store, wallNow, log } = this.#settings;
    return store.change(async () => {
      const secret = newSecret();
      const { state, token } = membership.addToken(store.state, request, digestOf(secret), wallNow());
      if (!(await store.keep(state))) return null;
      const expiresAt = new Date(token.endsAtMs).toISOString();
      log({ type: "token-made", expiresAt, once: token.once, replace: token.replace ?? null });
      const services = state.services.map(({ at }) => at);
      const word = {
        services,
        pin: pinOf(state.authority.certificate),
        secret,
        expiresAt: Math.floor(token.endsAtMs / 1000),
      };
      return { token: formatJoinToken(word), expiresAt };
    });
  }

  /** Whether a machine could join with that secret now. */
  admits(secret: string): boolean {
    const { store, wallNow } = this.#settings;
    return membership.admits(store.state, digestOf(secret), wallNow());
  }

  /** The 200 of `DELETE /v1/tokens`; null where it cannot be kept. */
  revoke({ secret }: admin.TokenRevocation): Promise<admin.TokensRevoked | null> {
    const { store, wallNow, log } = this.#settings;
    return store.change(async () => {
      const meant = secret === undefined ? undefined : digestOf(secret);
      const { state, revoked } = membership.revokeTokens(store.state, meant, wallNow());
      if (!(await store.keep(state))) return null;
      log({ type: "tokens-revoked", revoked });
      return { revoked };
    });
  }
}
