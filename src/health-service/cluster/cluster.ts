import { sameHost, type WhitelistEntry } from "../../common/address.ts";
import type * as admin from "../../common/protocol/admin-protocol.ts";
import type * as wire from "../../common/protocol/join-protocol.ts";
import type { ClusterNews } from "../../common/protocol/report-protocol.ts";
import { Callers, type Identity } from "./callers.ts";
import { candidatesLine, type KeptMember } from "./cluster-state.ts";
import type { ClusterSettings, ClusterStore } from "./cluster-store.ts";
import { JoinTokens } from "./join-tokens.ts";
import * as membership from "./membership.ts";
import { RaySecrets } from "./ray-secrets.ts";
import { explainJoinRefusal } from "./refusal.ts";
import { digestOf, newSecret } from "./secrets.ts";
import { isNews, isProven, parseRank, proofOf } from "./services/rank.ts";

/** Who ends a membership. */
export type Remover = "itself" | "the admin";

/** Who belongs to the cluster. */
export class Cluster {
  readonly #settings: ClusterSettings;
  readonly #store: ClusterStore;
  readonly callers: Callers;
  readonly tokens: JoinTokens;
  readonly ray: RaySecrets;
  /** Of the rank and the CA that it is for: two signatures of one text differ, and members would write each to their disks. */
  #proof = { of: "", proof: "" };

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
    this.#store = settings.store;
    this.callers = new Callers(settings);
    this.tokens = new JoinTokens(settings);
    this.ray = new RaySecrets(settings);
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
    return this.#store.change(async () => {
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

  /** The 200 of `POST /v1/base`; null where it cannot be kept. */
  tellBase(name: string, told: wire.BaseImage): Promise<wire.FirstBase | null> {
    return this.#store.change(async () => {
      const state = membership.tellBase(this.#store.state, name, told);
      if (state !== this.#store.state && !(await this.#store.keep(state))) return null;
      const [first] = state.members;
      return { first: first?.base === undefined ? null : { member: first.name, ...first.base } };
    });
  }

  /**
   * Ends a membership. `neverRan`: its node has not. Whom the admin removes knows the token by which it joined, which ends too: how many
   * worked until now. `false`: there is no such member; null: it cannot be kept.
   */
  remove(name: string, by: Remover, neverRan: boolean): Promise<admin.TokensRevoked | false | null> {
    return this.#store.change(async () => {
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

  /** A member reports where it is. What cannot be kept is tried again with its next report. */
  async locate(name: string, address: string): Promise<void> {
    const moved = () => membership.move(this.#store.state, name, address);
    if (moved() === this.#store.state) return;
    await this.#store.change(async () => {
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
    const of = `${term}@${leader} ${authority.certificate}`;
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
}
