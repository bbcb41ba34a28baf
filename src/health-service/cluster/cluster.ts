import type * as z from "zod/mini";
import { sameHost, type WhitelistEntry } from "../../common/address.ts";
import type * as admin from "../../common/protocol/admin-protocol.ts";
import type * as wire from "../../common/protocol/join-protocol.ts";
import { formatJoinToken } from "../../common/protocol/join-token.ts";
import type { ClusterNews } from "../../common/protocol/report-protocol.ts";
import type { Event } from "../event.ts";
import { Callers, type Identity } from "./callers.ts";
import { makeRayAuthority, signRayKey } from "./certificates.ts";
import { candidatesLine, type KeptMember, otherAt } from "./cluster-state.ts";
import type { ClusterStore } from "./cluster-store.ts";
import * as membership from "./membership.ts";
import { isNews, isProven, parseRank, proofOf } from "./rank.ts";
import { explainJoinRefusal } from "./refusal.ts";
import { digestOf, newSecret } from "./secrets.ts";

export interface ClusterSettings {
  readonly store: ClusterStore;
  readonly admin: string;
  /** Of the CA's certificate (join-token.ts). */
  readonly pin: string;
  /** Milliseconds, monotonic; and since 1970. */
  readonly now: () => number;
  readonly wallNow: () => number;
  /** After it began to decide, a member that it has not heard counts as living for so long. */
  readonly graceMs: number;
  readonly log: (event: Event) => void;
}

const NO_CERTIFICATE =
  "expected a public key of P-256 as PEM, in a cluster whose Ray speaks TLS (RAY_EP_CLUSTER_RAY_TLS, when it was made)";

/**
 * Members know Ray's token by its number. The service before may have made some that were lost with it, and members may have them: a
 * number of another term is none of theirs.
 */
const TOKENS_A_TERM = 1000;

/** Who ends a membership. */
export type Remover = "itself" | "the admin";

/** Who belongs to the cluster. */
export class Cluster {
  readonly #settings: ClusterSettings;
  readonly #store: ClusterStore;
  readonly callers: Callers;
  /** Of the rank that it is for: two signatures of one text differ, and members would write each to their disks. */
  #proof = { of: "", proof: "" };

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
    this.#store = settings.store;
    this.callers = new Callers(settings);
  }

  /** False where another service does, and this one copies it. */
  get decides(): boolean {
    return this.#store.state.decides;
  }

  /** The whitelist of the lease. */
  candidates(): readonly WhitelistEntry[] {
    return this.#store.candidates;
  }

  member(name: string): KeptMember | undefined {
    return this.#store.state.members.find((each) => sameHost(each.name, name));
  }

  /** The 200 or the 403 of `POST /v1/join`; null where it cannot be kept. */
  join(request: wire.JoinRequest): Promise<wire.Joined | wire.JoinRefused | null> {
    return this.#change(async () => {
      const { wallNow, log } = this.#settings;
      const credential = newSecret();
      const nowMs = wallNow();
      const step = membership.join(this.#store.state, request, {
        ...{ nowMs, secret: digestOf(request.secret), credential: digestOf(credential) },
        isFresh: (name) => this.callers.isFresh(name),
        lives: (name) => this.callers.lives(name),
      });
      const { node, address, candidate } = request;
      if ("reason" in step) {
        const { reason, token, taken } = step;
        const heardAgoMs = taken === undefined ? null : this.callers.heardAgoMs(taken.name);
        const message = explainJoinRefusal(reason, {
          nowMs,
          request,
          state: this.#store.state,
          token,
          taken,
          heardAgoMs,
        });
        log({ type: "join-refused", node, address, reason, message });
        return { reason, message };
      }
      if (!(await this.#store.keep(step.state))) return null;
      this.callers.welcome(node);
      log({ type: "joined", node, address, candidate });
      const { cluster, rayToken, ports, versions, rayAuthority } = step.state;
      const { ray, python } = versions ?? request;
      const member = { member: node, credential, candidate, rayToken, rayTls: rayAuthority !== undefined };
      return { ...this.news(), cluster, ...member, ports, ray, python };
    });
  }

  /**
   * The 200 of `POST /v1/ray-certificate`, or why there is none. Nobody is to pass for another member's Ray; but an address that this
   * machine has now (`peer`: where it asks from) may have been another one's.
   */
  async certify(member: string, { key, address }: wire.RayCertificateRequest, peer: string) {
    const { state } = this.#store;
    for (const host of address === peer ? [member] : [member, address]) {
      const other = otherAt(state, member, host);
      if (other !== undefined) return `${host} is ${other.name}'s, as far as this service knows`;
    }
    const { rayAuthority } = state;
    const hosts = [member, address, "localhost", "127.0.0.1"];
    const cert = rayAuthority && (await signRayKey(rayAuthority, key, hosts, this.#settings.wallNow()));
    return cert ? ({ cert, ca: rayAuthority.certificate } satisfies wire.RayCertificate) : NO_CERTIFICATE;
  }

  /** The 200 of `POST /v1/base`; null where it cannot be kept. */
  tellBase(name: string, told: wire.BaseImage): Promise<wire.FirstBase | null> {
    return this.#change(async () => {
      const state = membership.tellBase(this.#store.state, name, told);
      if (state !== this.#store.state && !(await this.#store.keep(state))) return null;
      const [first] = state.members;
      return { first: first?.base === undefined ? null : { member: first.name, ...first.base } };
    });
  }

  /** The 200 of `POST /v1/tokens`; null where it cannot be kept. */
  makeToken(request: admin.TokenRequest): Promise<admin.TokenMade | null> {
    return this.#change(async () => {
      const { pin, wallNow, log } = this.#settings;
      const secret = newSecret();
      const { state, token } = membership.addToken(this.#store.state, request, digestOf(secret), wallNow());
      if (!(await this.#store.keep(state))) return null;
      const expiresAt = new Date(token.endsAtMs).toISOString();
      log({ type: "token-made", expiresAt, once: token.once, replace: token.replace ?? null });
      const { services } = this.news();
      const word = { services, pin, secret, expiresAt: Math.floor(token.endsAtMs / 1000) };
      return { token: formatJoinToken(word), expiresAt };
    });
  }

  /** Whether a machine could join with that secret now. */
  admits(secret: string): boolean {
    return membership.admits(this.#store.state, digestOf(secret), this.#settings.wallNow());
  }

  /** The 200 of `DELETE /v1/tokens`; null where it cannot be kept. */
  revokeTokens({ secret }: admin.TokenRevocation): Promise<admin.TokensRevoked | null> {
    return this.#change(async () => {
      const meant = secret === undefined ? undefined : digestOf(secret);
      const { state, revoked } = membership.revokeTokens(this.#store.state, meant, this.#settings.wallNow());
      if (!(await this.#store.keep(state))) return null;
      this.#settings.log({ type: "tokens-revoked", revoked });
      return { revoked };
    });
  }

  /**
   * Ends a membership. `neverRan`: its node has not. Whom the admin removes knows the token by which it joined, which ends too: how many
   * worked until now. `false`: there is no such member; null: it cannot be kept.
   */
  remove(name: string, by: Remover, neverRan: boolean): Promise<admin.TokensRevoked | false | null> {
    return this.#change(async () => {
      const { wallNow, log } = this.#settings;
      const member = this.member(name);
      if (member === undefined) return false;
      const without = membership.remove(this.#store.state, name, neverRan);
      const { state, revoked } =
        by === "itself"
          ? { state: without, revoked: 0 }
          : membership.revokeTokens(without, member.joinedBy, wallNow());
      if (!(await this.#store.keep(state))) return null;
      log({ type: "removed", node: name, by });
      if (revoked > 0) log({ type: "tokens-revoked", revoked });
      return { revoked };
    });
  }

  /** The 200 of `GET /v1/ray-token`. */
  rayToken(): z.infer<typeof wire.RayToken> {
    const { rayToken, rayTokenId, rayAuthority } = this.#store.state;
    return { rayToken, rayTokenId, rayCa: rayAuthority?.certificate };
  }

  /**
   * Makes another token of Ray's, and another CA for it where it speaks TLS, of which members hear: the 200 of `POST /v1/ray-token`;
   * null where it cannot be kept.
   */
  rotate(): Promise<admin.Rotated | null> {
    return this.#change(async () => {
      const { state } = this.#store;
      const rayTokenId = Math.max(state.rayTokenId + 1, (state.term - 1) * TOKENS_A_TERM);
      const rayAuthority =
        state.rayAuthority && (await makeRayAuthority(state.cluster.id, this.#settings.wallNow()));
      if (!(await this.#store.keep({ ...state, rayToken: newSecret(), rayTokenId, rayAuthority })))
        return null;
      this.#settings.log({ type: "ray-token-made", rayTokenId });
      return { rayTokenId };
    });
  }

  /** A member reports where it is. What cannot be kept is tried again with its next report. */
  async locate(name: string, address: string): Promise<void> {
    const moved = () => membership.move(this.#store.state, name, address);
    if (moved() === this.#store.state) return;
    await this.#change(async () => {
      // It may have been removed meanwhile, or another report of it was first.
      const state = moved();
      if (state !== this.#store.state && (await this.#store.keep(state)))
        this.#settings.log({ type: "moved", node: name, address });
    });
  }

  news(): ClusterNews {
    const { services, term, leader, rayTokenId } = this.#store.state;
    const candidates = candidatesLine(this.#store.state);
    const rank = { term, leader, proof: this.#prove() };
    return { candidates, services: services.map(({ at }) => at), ...rank, rayTokenId };
  }

  #prove(): string {
    const { term, leader, authority } = this.#store.state;
    const of = `${term}@${leader}`;
    if (this.#proof.of !== of) this.#proof = { of, proof: proofOf({ term, leader }, authority) };
    return this.#proof.proof;
  }

  /** Which service decides, as far as this one knows, and on which member's machine. */
  get leader(): { readonly leader: string; readonly on: string | null } {
    const { services, leader } = this.#store.state;
    return { leader, on: services.find(({ at }) => at === leader)?.member ?? null };
  }

  /** The rank that a request proves may be above this service's: then this one must not decide beside that one. */
  async hear(url: string, caller: Identity): Promise<void> {
    const rank = parseRank("heard", url);
    const hears = () => rank !== undefined && isNews(this.#store.state, rank, caller.kind);
    if (rank === undefined || !hears() || !isProven(rank, url, this.#store.state.authority)) return;
    await this.#store.inLine(async () => hears() && this.#store.heard(rank));
  }

  /** The body of `GET /v1/members`. */
  view(): admin.Members {
    const members = this.#store.state.members.map(({ name, address, candidate, joinedAtMs }) => {
      const heardAgoMs = this.callers.heardAgoMs(name);
      const heardAgo = heardAgoMs === null ? null : heardAgoMs / 1000;
      return { name, address, candidate, joinedAt: new Date(joinedAtMs).toISOString(), heardAgo };
    });
    return { ...this.news(), cluster: this.#store.state.cluster, members };
  }

  /** Null where another service decides since the request came: its copy would put an end to the change. */
  #change<T>(job: () => Promise<T>): Promise<T | null> {
    return this.#store.inLine(async () => (this.decides ? job() : null));
  }
}
