import type { ClusterView, NodeReport } from "../common/lease-protocol.ts";

interface Life {
  readonly life: string;
  readonly report: NodeReport;
  /** The address that the report came from. */
  readonly peer: string;
  readonly seenAtMs: number;
}

/**
 * All lives that speak under one name. A new life takes the name at once, since nodes restart; when the life before
 * it reports twice more, it was no restart: two are alive. The one that holds the head lease keeps the name,
 * otherwise the older one.
 */
interface Entry {
  readonly name: string;
  readonly current: Life;
  readonly former: { readonly life: string; readonly words: number } | null;
  /** A living namesake that was turned away. */
  readonly rival: string | null;
}

export interface NodeTableSettings {
  readonly forgetAfterMs: number;
  /** How long the holder of a name must be silent before a namesake that was turned away may have it. */
  readonly sameNameAfterMs: number;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

export type Noted = "noted" | "duplicate-name" | "too-many";

/**
 * Twice the cluster that one service of this kind is for: the limit keeps strangers from filling the memory, and the
 * list that people read within 1 MiB.
 */
const MOST_NODES = 2000;
/** With more nodes than this, the list has no room for what each says of itself in detail. */
const MOST_DETAILED = 1000;
/** One word of the former life may have been under way when it died. */
const PROOF_OF_LIFE = 2;

/** What each node said of itself last. */
export class NodeTable {
  readonly #settings: NodeTableSettings;
  readonly #entries = new Map<string, Entry>();

  constructor(settings: NodeTableSettings) {
    this.#settings = settings;
  }

  /** `holder`: the life that holds the head lease under this name, if any. */
  note(name: string, report: NodeReport, peer: string, holder?: string): Noted {
    this.#forget();
    const key = name.toLowerCase();
    const entry = this.#entries.get(key);
    if (entry === undefined && this.#entries.size >= MOST_NODES) return "too-many";
    const said: Life = { life: report.life, report, peer, seenAtMs: this.#settings.now() };
    const next = entry === undefined ? fresh(name, said) : this.#hear(entry, said, holder);
    this.#entries.set(key, next);
    return next.rival === said.life ? "duplicate-name" : "noted";
  }

  /** The last report of this very life of the node, if it is the one that has the name and reported from `peer`. */
  find(name: string, life: string, peer: string): NodeReport | null {
    this.#forget();
    const current = this.#entries.get(name.toLowerCase())?.current;
    return current?.life === life && current.peer === peer ? current.report : null;
  }

  /** True while a namesake of this node was turned away. */
  hasRival(name: string): boolean {
    return this.#entries.get(name.toLowerCase())?.rival != null;
  }

  list(): ClusterView["nodes"] {
    this.#forget();
    const nowMs = this.#settings.now();
    return [...this.#entries.values()].map(({ name, current }) => {
      const { life: _, status, ...report } = current.report;
      const detail = status === undefined || this.#entries.size > MOST_DETAILED ? {} : { status };
      return { name, seenAgo: (nowMs - current.seenAtMs) / 1000, ...report, ...detail };
    });
  }

  #hear(entry: Entry, said: Life, holder: string | undefined): Entry {
    const { name, current, former, rival } = entry;
    if (said.life === current.life) return { ...entry, current: said };
    if (said.life === rival) {
      if (rival === holder) return { name, current: said, former: null, rival: current.life };
      return said.seenAtMs - current.seenAtMs < this.#settings.sameNameAfterMs ? entry : fresh(name, said);
    }
    if (said.life !== former?.life)
      return { name, current: said, former: { life: current.life, words: 0 }, rival: null };
    if (former.words + 1 < PROOF_OF_LIFE) return { ...entry, former: { ...former, words: former.words + 1 } };
    return current.life === holder
      ? { name, current, former: null, rival: said.life }
      : { name, current: said, former: null, rival: current.life };
  }

  /** Entries stand in the order of their names' first words, so each must be looked at. */
  #forget(): void {
    const oldest = this.#settings.now() - this.#settings.forgetAfterMs;
    for (const [key, { current }] of this.#entries) if (current.seenAtMs < oldest) this.#entries.delete(key);
  }
}

const fresh = (name: string, current: Life): Entry => ({ name, current, former: null, rival: null });
