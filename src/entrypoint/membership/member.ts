import type { ClusterNews } from "../../common/protocol/lease-protocol.ts";
import { attempt } from "../../common/result.ts";
import type { HealthClient } from "../lease/health-client.ts";
import { openMemberClient } from "./client.ts";
import type { Membership, MembershipFile } from "./membership.ts";
import type { Told } from "./overlay.ts";

interface MemberHearing {
  /** With each change of who may become HEAD. */
  readonly onCandidates: (candidates: string) => void;
  /** Once, when this member was removed. */
  readonly onRemoved: () => void;
}

/** A node that belongs to a cluster of several machines, as main.ts knows it. */
export class Member {
  /** The environment and the words for `ray start` that its membership makes of those that were given. */
  readonly told: Told;
  readonly #file: MembershipFile;
  #membership: Membership;

  constructor(membership: Membership, told: Told, file: MembershipFile) {
    this.#membership = membership;
    this.told = told;
    this.#file = file;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get isRemoved(): boolean {
    return this.#membership.removed !== undefined;
  }

  client({ onCandidates, onRemoved }: MemberHearing): HealthClient {
    return openMemberClient(this.#membership, {
      onNews: (news) => this.#learn(news) && onCandidates(news.candidates),
      onRemoved: (message) => {
        if (this.isRemoved) return;
        this.#keep({ removed: message });
        onRemoved();
      },
    });
  }

  /** True where the candidates are others than before. */
  #learn(news: ClusterNews): boolean {
    const { candidates, services } = this.#membership;
    const same = candidates === news.candidates;
    if (!same || services.join() !== news.services.join()) this.#keep(news);
    return !same;
  }

  /** What cannot be written now is known in this run all the same. */
  #keep(news: Partial<Membership>): void {
    this.#membership = { ...this.#membership, ...news };
    attempt(() => this.#file.write(this.#membership));
  }
}
