import type { Failure } from "../../common/failure.ts";
import type { Answer, Call } from "../../common/net/http.ts";
import { MemberRemoved, RayToken } from "../../common/protocol/join-protocol.ts";
import { type ClusterNews, NodeNoted } from "../../common/protocol/report-protocol.ts";
import { attempt } from "../../common/result.ts";
import { type HealthClient, parse } from "../lease/health-client.ts";
import type { Event } from "../output/event.ts";
import { certify } from "./certify.ts";
import { memberCall, openMemberClient } from "./client.ts";
import type { Membership, MembershipFile } from "./membership.ts";
import type { Told } from "./overlay.ts";

interface Hearing {
  /** With each change of who may become HEAD. */
  readonly onCandidates: (candidates: string) => void;
  /** Once, when this member was removed. */
  readonly onRemoved: () => void;
  /** Once, when it has another token of Ray's, with which its Ray must start. */
  readonly onRayToken: () => void;
  /** When the health service does not know this member (any more), and when it does again; when it signs no keys for its Ray. */
  readonly onEvent: (event: Event<"known" | "uncertified">) => void;
}

const RAY_TOKEN_TIMEOUT_MS = 3000;
/** To a credential that is none of a member's. */
const UNKNOWN = 401;

/** A node that belongs, or belonged, to a cluster of several machines; what it hears of itself and of the others is kept. */
export class Member {
  /** The environment and the words for `ray start` that its membership makes of those that were given. */
  readonly told: Told;
  /** To the cluster's health service, as this member. */
  readonly call: Call;
  readonly #file: MembershipFile;
  #membership: Membership;
  #hearing: Hearing | undefined;
  /** Ray's token. */
  #fetches = false;
  #isKnown = true;
  /** It was told that there are no keys for its Ray. */
  #isUncertified = false;

  constructor(membership: Membership, told: Told, file: MembershipFile) {
    this.#membership = membership;
    this.told = told;
    this.#file = file;
    this.call = memberCall(
      () => this.#membership,
      (answer) => this.#hear(answer),
    );
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** What it says of itself at each start. */
  get introduction(): Event[] {
    const { cluster, member, interface: card } = this.#membership;
    return [{ type: "member", cluster: cluster.name, member, interface: card }];
  }

  /** Of one that was removed. */
  get goodbye(): Event<"removed"> {
    const { cluster, member, removed = "" } = this.#membership;
    return { type: "removed", cluster: cluster.name, member, message: removed };
  }

  get isRemoved(): boolean {
    return this.#membership.removed !== undefined;
  }

  client(hearing: Hearing): HealthClient {
    this.#hearing = hearing;
    // What was heard before there was somebody to tell is told with the next answer.
    this.#isKnown = true;
    this.#isUncertified = false;
    const client = openMemberClient(this.call);
    const { rayTokenId } = this.#membership;
    const report: HealthClient["report"] = (node, body, ms) =>
      client.report(node, { ...body, rayTokenId }, ms);
    return { ...client, report };
  }

  /**
   * Fetches Ray's token, keys of the CA that signs for it since then, and the CA of the health services, and keeps them. True where the
   * token is another one. Where nobody answers, or the disk is full, all stays as it is.
   */
  async renewRayToken(): Promise<boolean> {
    const answer = await this.call("GET", "/v1/ray-token", RAY_TOKEN_TIMEOUT_MS);
    const next = answer.ok && answer.value.status === 200 ? parse(RayToken, answer.value.body) : null;
    if (next === null || next.rayToken === this.#membership.rayToken) return false;
    const { rayCa, ca = this.#membership.ca, ...renewing } = next;
    const certified = await certify({ ...this.#membership, ...renewing }, this.call, rayCa);
    if (!certified.ok) {
      this.#tellUncertified(certified.error);
      return false;
    }
    this.#isUncertified = false;
    // What was heard meanwhile stays.
    const renewed = { ...this.#membership, ...renewing, ca, rayKeys: certified.value.rayKeys };
    if (attempt(() => this.#file.write(renewed) ?? true) === undefined) return false;
    this.#membership = renewed;
    return true;
  }

  #hear({ status, body }: Answer): void {
    if (status === 200 || status === UNKNOWN) this.#tellKnown(status === 200);
    const news = status === 200 ? parse(NodeNoted, body)?.news : undefined;
    if (news !== undefined) this.#learn(news);
    const removed = status === 403 ? parse(MemberRemoved, body) : null;
    if (removed === null || this.isRemoved) return;
    this.#keep({ removed: removed.message });
    this.#hearing?.onRemoved();
  }

  #tellKnown(isKnown: boolean): void {
    if (isKnown === this.#isKnown) return;
    this.#isKnown = isKnown;
    this.#hearing?.onEvent({ type: "known", member: this.#membership.member, isKnown });
  }

  /** It is tried again with each report: once is enough. Silence is told elsewhere. */
  #tellUncertified(failure: Failure): void {
    if (this.#isUncertified || failure.reason === "no-health-service") return;
    this.#isUncertified = true;
    this.#hearing?.onEvent({ type: "uncertified", failure });
  }

  #learn(news: ClusterNews): void {
    const { rayTokenId, ...others } = news;
    const { candidates, services, term, leader, proof } = this.#membership;
    if (rayTokenId !== undefined && rayTokenId !== this.#membership.rayTokenId) void this.#restartRay();
    if (JSON.stringify({ candidates, services, term, leader, proof }) === JSON.stringify(others)) return;
    this.#keep(others);
    if (candidates !== news.candidates) this.#hearing?.onCandidates(news.candidates);
  }

  async #restartRay(): Promise<void> {
    if (this.#fetches) return;
    this.#fetches = true;
    if (await this.renewRayToken()) this.#hearing?.onRayToken();
    this.#fetches = false;
  }

  /** What cannot be written now is known in this run all the same. */
  #keep(news: Partial<Membership>): void {
    this.#membership = { ...this.#membership, ...news };
    attempt(() => this.#file.write(this.#membership));
  }
}
