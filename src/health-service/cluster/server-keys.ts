import { caName } from "../../common/net/pinned-tls.ts";
import { type Keys, makeServerKeys } from "./certificates.ts";
import type { ClusterState } from "./cluster-state.ts";

/** What this service shows to others: a certificate of the newest CA, and of an earlier one to those that know no newer one. */
export class ServerKeys {
  readonly #state: () => ClusterState;
  readonly #host: string;
  /** By the name of the CA. */
  #made = new Map<string, Keys>();
  readonly #takers: ((keys: Keys) => void)[] = [];
  newest: Keys = { cert: "", key: "" };

  static async open(state: () => ClusterState, host: string): Promise<ServerKeys> {
    const opened = new ServerKeys(state, host);
    await opened.renew();
    return opened;
  }

  private constructor(state: () => ClusterState, host: string) {
    this.#state = state;
    this.#host = host;
  }

  onNewest(take: (keys: Keys) => void): void {
    this.#takers.push(take);
  }

  /** The CA is another one. */
  async renew(): Promise<void> {
    const { authority, earlier } = this.#state();
    const made = new Map<string, Keys>();
    for (const each of [authority, ...earlier]) {
      const name = caName(each.certificate);
      made.set(name, this.#made.get(name) ?? (await makeServerKeys(each, this.#host, Date.now())));
    }
    this.#made = made;
    this.newest = made.get(caName(authority.certificate)) ?? this.newest;
    for (const take of this.#takers) take(this.newest);
  }

  /** Of the CA that a client names; of the newest one where it names none of them. */
  named(name: string): Keys {
    return this.#made.get(name) ?? this.newest;
  }
}
