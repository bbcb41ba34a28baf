import { secureCall } from "../../../common/net/pinned-tls.ts";
import type { Standing } from "../../../common/protocol/admin-protocol.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { isCredibleOf, outranks, provenQuery, type Rank } from "./rank.ts";
import * as replicas from "./replica.ts";

/** A look at who decides, or a request to one that does. `POST /v1/promote` needs three of each, and `ws` waits for 10 s in all. */
const TIMEOUT_MS = 1200;
/** A thousand members with the longest names, and as many that were removed, are 2 MB. */
const MAX_ANSWER = 8 * 1024 * 1024;

/** What another health service of this cluster says to a GET: the body, where it answers 200. Never rejects. */
async function askPeer(
  service: string,
  ca: string,
  path: string,
  credential: string | null,
): Promise<string | undefined> {
  const answer = await secureCall(ca, credential, MAX_ANSWER)(service)("GET", path, TIMEOUT_MS);
  return answer.ok && answer.value.status === 200 ? answer.value.body : undefined;
}

/**
 * What those say to a GET that decide, or are taking over. Only they are given the credential: another one may be that of a machine
 * which is removed some day. Never rejects.
 */
export async function askLeaders(
  services: readonly string[],
  ca: string,
  path: string,
  credential: string | null,
  ask = askPeer,
): Promise<string[]> {
  const asking = services.map(async (service) => {
    const standing = replicas.parseStanding((await ask(service, ca, "/v1/leader", null)) ?? "");
    const leads = standing?.decides || standing?.leader === service;
    return leads ? ask(service, ca, path, credential) : undefined;
  });
  return (await Promise.all(asking)).filter((body) => body !== undefined);
}

export interface PeersSettings {
  readonly store: ClusterStore;
  /** Where members reach this service: host:port. */
  readonly advertise: string;
  /** Of this machine's node; undefined where it is no member. */
  readonly membership: () => replicas.OwnMembership | undefined;
  readonly ask?: typeof askPeer;
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
    const answers = await this.#ask(`/v1/leader?${provenQuery(state, state.authority)}`);
    return answers
      .flatMap((body) => replicas.parseStanding(body) ?? [])
      .filter((each) => each.decides && isCredibleOf(each, state))
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
    const { store, advertise, membership, ask } = this.#settings;
    const { services, authority } = store.state;
    const own = membership();
    const others = services.flatMap(({ at }) => (at === advertise ? [] : [at]));
    const credential = own === undefined ? null : `${own.member}:${own.credential}`;
    return askLeaders(others, authority.certificate, path, credential, ask);
  }
}
