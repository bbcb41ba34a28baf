import type { ClusterView, NodeReport } from "../common/protocol/lease-protocol.ts";
import { SAME_NAME_AFTER_MS } from "./lease/lease-state.ts";

/** One run of a node, by its reports. */
interface Life {
  readonly life: string;
  readonly report: NodeReport;
  /** The address that the report came from. */
  readonly peer: string;
  readonly seenAtMs: number;
  /** How often the owner of the name has reported since the first report of this life; 0 for the owner itself. */
  readonly ownerReports: number;
}

/** The lives that report under one name: its owner first, the others in the order of their first reports. */
interface Entry {
  readonly name: string;
  readonly lives: readonly Life[];
}

export interface RegistrySettings {
  readonly forgetAfterMs: number;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
}

/**
 * Twice the cluster that one service of this kind is for: the limit keeps strangers from filling the memory, and the
 * list that people read within 1 MiB.
 */
const MAX_NODES = 2000;
/** With more nodes than this, the list has no room for what each says of itself in detail. */
const MAX_DETAILED = 1000;
/** More lives than that under one name are a crash loop; the oldest are forgotten. */
const MAX_OTHERS = 3;
/** One report may have been under way when the owner died; a dead life never sends a second one. */
const PROOF_OF_LIFE = 2;

/**
 * Who owns the name of a node, and what each node said of itself last. The life that reported first owns the name,
 * until another one is granted the head lease under that name or the owner falls silent. Any other life is the same
 * node after a restart, until the owner has reported twice since: then two nodes have one name, and the other life is
 * a duplicate.
 */
export class Registry {
  readonly #settings: RegistrySettings;
  readonly #entries = new Map<string, Entry>();
  #leader = { key: "", life: "" };

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  /** This life was granted the head lease: with its next report it owns its name. */
  lead(name: string, life: string): void {
    this.#leader = { key: keyOf(name), life };
  }

  /** Takes a report that came from `peer`. */
  note(name: string, report: NodeReport, peer: string): "noted" | "duplicate-name" | "too-many" {
    this.#forget();
    const key = keyOf(name);
    const entry = this.#entries.get(key) ?? { name, lives: [] };
    if (entry.lives.length === 0 && this.#entries.size >= MAX_NODES) return "too-many";
    const said = { life: report.life, report, peer, seenAtMs: this.#settings.now(), ownerReports: 0 };
    this.#entries.set(key, { ...entry, lives: this.#with(said, key, entry.lives) });
    return this.isDuplicate(name, said.life) ? "duplicate-name" : "noted";
  }

  /** True where the owner of this name has shown that it lives beside `life`. */
  isDuplicate(name: string, life: string): boolean {
    return this.#lives(name).some((each) => each.life === life && isProven(each));
  }

  /** True while a duplicate reports under this name. */
  hasDuplicate(name: string): boolean {
    return this.#lives(name).some(isProven);
  }

  /** The last report of this very life of the node, if it came from `peer` and the life is no duplicate. */
  find(name: string, life: string, peer: string): NodeReport | undefined {
    this.#forget();
    const said = this.#lives(name).find((each) => each.life === life && each.peer === peer);
    return said === undefined || isProven(said) ? undefined : said.report;
  }

  /** Each name once, as its youngest life reported that is no duplicate: after a restart that is the node. */
  list(): ClusterView["nodes"] {
    this.#forget();
    const nowMs = this.#settings.now();
    return [...this.#entries.values()].flatMap(({ name, lives }) => {
      const shown = lives.findLast((each) => !isProven(each));
      if (shown === undefined) return [];
      const { life: _, status, ...report } = shown.report;
      const detail = status === undefined || this.#entries.size > MAX_DETAILED ? {} : { status };
      return { name, seenAgo: (nowMs - shown.seenAtMs) / 1000, ...report, ...detail };
    });
  }

  #lives(name: string): readonly Life[] {
    return this.#entries.get(keyOf(name))?.lives ?? [];
  }

  #with(said: Life, key: string, [owner, ...others]: readonly Life[]): Life[] {
    if (owner === undefined) return [said];
    if (said.life === owner.life)
      return [said, ...others.map((each) => ({ ...each, ownerReports: each.ownerReports + 1 }))];
    const isSaid = ({ life }: Life) => life === said.life;
    const leads = this.#leader.key === key && this.#leader.life === said.life;
    if (leads || said.seenAtMs - owner.seenAtMs >= SAME_NAME_AFTER_MS)
      return [said, ...others.filter((each) => !isSaid(each)).map((each) => ({ ...each, ownerReports: 0 }))];
    return others.some(isSaid)
      ? [owner, ...others.map((each) => (isSaid(each) ? { ...said, ownerReports: each.ownerReports } : each))]
      : [owner, ...others.slice(1 - MAX_OTHERS), said];
  }

  /** Entries stand in the order of their names' first reports, so each must be looked at. */
  #forget(): void {
    const oldestMs = this.#settings.now() - this.#settings.forgetAfterMs;
    const isOld = ({ seenAtMs }: Life) => seenAtMs < oldestMs;
    for (const [key, { name, lives }] of this.#entries) {
      if (!lives.some(isOld)) continue;
      // A name whose owner is silent has nobody: another life that had reported since would own it.
      if (lives[0] === undefined || isOld(lives[0])) this.#entries.delete(key);
      else this.#entries.set(key, { name, lives: lives.filter((each) => !isOld(each)) });
    }
  }
}

const keyOf = (name: string): string => name.toLowerCase();
const isProven = ({ ownerReports }: Life): boolean => ownerReports >= PROOF_OF_LIFE;
