import type { Answer, Call } from "../../common/net/http.ts";
import { MemberRemoved } from "../../common/protocol/join-protocol.ts";
import { type ClusterNews, NodeNoted } from "../../common/protocol/lease-protocol.ts";
import { attempt } from "../../common/result.ts";
import { type HealthClient, parse } from "../lease/health-client.ts";
import type { Event } from "../output/event.ts";
import { memberCall, openMemberClient } from "./client.ts";
import type { Membership, MembershipFile } from "./membership.ts";
import type { Told } from "./overlay.ts";

interface Hearing {
  /** With each change of who may become HEAD. */
  readonly onCandidates: (candidates: string) => void;
  /** Once, when this member was removed. */
  readonly onRemoved: () => void;
  /** When the health service does not know this member (any more), and when it does again. */
  readonly onKnown: (event: Event<"known">) => void;
}

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
  #isKnown = true;

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
    return openMemberClient(this.call);
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
    this.#hearing?.onKnown({ type: "known", member: this.#membership.member, isKnown });
  }

  #learn(news: ClusterNews): void {
    const { candidates, services, term, leader } = this.#membership;
    if (JSON.stringify({ candidates, services, term, leader }) === JSON.stringify(news)) return;
    this.#keep(news);
    if (candidates !== news.candidates) this.#hearing?.onCandidates(news.candidates);
  }

  /** What cannot be written now is known in this run all the same. */
  #keep(news: Partial<Membership>): void {
    this.#membership = { ...this.#membership, ...news };
    attempt(() => this.#file.write(this.#membership));
  }
}
