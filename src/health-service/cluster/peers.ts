import { secureCall } from "../../common/net/pinned-tls.ts";
import type { Standing } from "../../common/protocol/admin-protocol.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { isCredible, outranks, type Rank, rankQuery } from "./rank.ts";
import * as replicas from "./replica.ts";

/** `POST /v1/promote` waits for up to three such rounds one after the other, and `ws` for 10 s in all. */
const TIMEOUT_MS = 1200;
/** A thousand members with the longest names, and as many that were removed, are 2 MB. */
const MAX_ANSWER = 8 * 1024 * 1024;

/** What other health services of this cluster say to a GET: the bodies of those that answer 200. Never rejects. */
export async function askPeers(
  services: readonly string[],
  ca: string,
  path: string,
  credential: string | null = null,
): Promise<string[]> {
  const call = secureCall(ca, credential, MAX_ANSWER);
  const answers = await Promise.all(services.map((at) => call(at)("GET", path, TIMEOUT_MS)));
  return answers.flatMap((answer) => (answer.ok && answer.value.status === 200 ? [answer.value.body] : []));
}

export interface PeersSettings {
  readonly store: ClusterStore;
  /** Where members reach this service: host:port. */
  readonly advertise: string;
  /** Of this machine's node; undefined where it is no member. */
  readonly membership: () => replicas.OwnMembership | undefined;
  readonly ask?: typeof askPeers;
}

/** The other health services, of which the cluster's state tells. */
export class Peers {
  readonly #settings: PeersSettings;

  constructor(settings: PeersSettings) {
    this.#settings = settings;
  }

  /** Another service that decides, the one of the highest rank. */
  async leader(): Promise<Standing | undefined> {
    const { state } = this.#settings.store;
    const answers = await this.#ask(`/v1/leader?${rankQuery("heard", state)}`);
    return answers
      .flatMap((body) => replicas.parseStanding(body) ?? [])
      .filter(({ decides, term }) => decides && isCredible(term, state.term))
      .toSorted((a, b) => (outranks(a, b) ? -1 : 1))[0];
  }

  /** What the one that decides hands out; under this rank this service takes over, where it is its leader. */
  async replica(rank: Rank): Promise<replicas.Replica | undefined> {
    const { advertise, membership } = this.#settings;
    // Without a credential nobody answers.
    if (membership() === undefined) return undefined;
    const answers = await this.#ask(replicas.replicaPath({ service: advertise, rank }));
    const found = answers.flatMap((body) => replicas.parseReplica(body) ?? []);
    return found.toSorted((a, b) => (outranks(a.state, b.state) ? -1 : 1))[0];
  }

  /** As this machine's member, where it is one. */
  #ask(path: string): Promise<string[]> {
    const { store, advertise, membership, ask = askPeers } = this.#settings;
    const { services, authority } = store.state;
    const own = membership();
    const others = services.flatMap(({ at }) => (at === advertise ? [] : [at]));
    return ask(others, authority.certificate, path, own && `${own.member}:${own.credential}`);
  }
}
