import type { ClusterView, NodeReport } from "../common/protocol/report-protocol.ts";
import { SAME_NAME_AFTER_MS } from "./lease/lease-state.ts";

/** One run of a node, by its reports. */
interface Life {
  readonly name: string;
  readonly report: NodeReport;
  /** Whose address it came from. */
  readonly peer: string;
  readonly seenAtMs: number;
  /** How often the owner of the name has reported since the first report of this life; 0 for the owner itself. */
  readonly ownerReports: number;
}

type NodeView = ClusterView["nodes"][number];

/** Twice what one service is for: strangers must not fill the memory. */
const MAX_NODES = 2000;
/** With more nodes the list has no room for what each says of itself in detail. */
const MAX_DETAILED = 1000;
/** More lives under one name are a crash loop; the oldest are forgotten. */
const MAX_OTHERS = 3;
/** One may have been under way when the owner died; a dead life never sends a second one. */
const PROOF_OF_LIFE = 2;

/**
 * Who owns the name of a node, and what each said of itself last. The life that reported first owns the name, until another one is
 * granted the head lease or the owner falls silent. Any other life is the node after a restart, until the owner has reported twice
 * since: then it is a duplicate.
 */
export class Registry {
  readonly #forgetAfterMs: number;
  readonly #leads: (name: string, life: string) => boolean;
  readonly #now: () => number;
  /** The lives that report under each name: its owner first, the others in the order of their first reports. */
  readonly #names = new Map<string, readonly Life[]>();

  /** `leads`: true for the life that was granted the head lease last; with its next report it owns its name. */
  constructor(forgetAfterMs: number, leads: (name: string, life: string) => boolean, now: () => number) {
    this.#forgetAfterMs = forgetAfterMs;
    this.#leads = leads;
    this.#now = now;
  }

  note(name: string, report: NodeReport, peer: string): "noted" | "duplicate-name" | "too-many" {
    this.#forget();
    const lives = this.#lives(name);
    if (lives.length === 0 && this.#names.size >= MAX_NODES) return "too-many";
    const said = { name, report, peer, seenAtMs: this.#now(), ownerReports: 0 };
    this.#names.set(name.toLowerCase(), this.#with(said, lives));
    return this.isDuplicate(name, report.life) ? "duplicate-name" : "noted";
  }

  /** True where the owner of this name has shown that it lives beside `life`, or beside any other one. */
  isDuplicate(name: string, life?: string): boolean {
    return this.#lives(name).some(
      (each) => isProven(each) && each.report.life === (life ?? each.report.life),
    );
  }

  /** How many names it knows. */
  get size(): number {
    this.#forget();
    return this.#names.size;
  }

  /** True for the life that owns this name. */
  isOwner(name: string, life: string): boolean {
    return this.#lives(name)[0]?.report.life === life;
  }

  /** The last report of this life, if it came from `peer` and the life is no duplicate. */
  find(name: string, life: string, peer: string): NodeReport | undefined {
    this.#forget();
    const said = this.#lives(name).find((each) => each.report.life === life && each.peer === peer);
    return said === undefined || isProven(said) ? undefined : said.report;
  }

  /** Each name once, as its youngest life reported that is no duplicate: after a restart that is the node. */
  list(): readonly NodeView[] {
    this.#forget();
    const nowMs = this.#now();
    return [...this.#names.keys()].flatMap((name) => {
      const shown = this.#shown(name);
      if (shown === undefined) return [];
      const { life: _, status, ...report } = shown.report;
      const detail = this.#names.size > MAX_DETAILED ? {} : { status };
      return { name: shown.name, seenAgo: (nowMs - shown.seenAtMs) / 1000, ...report, ...detail };
    });
  }

  /** What `list` shows of this name. */
  report(name: string): NodeReport | undefined {
    return this.#shown(name)?.report;
  }

  /** It is no node of this cluster any more. */
  forget(name: string): void {
    this.#names.delete(name.toLowerCase());
  }

  #shown(name: string): Life | undefined {
    return this.#lives(name).findLast((each) => !isProven(each));
  }

  #lives(name: string): readonly Life[] {
    return this.#names.get(name.toLowerCase()) ?? [];
  }

  #with(said: Life, [owner, ...others]: readonly Life[]): Life[] {
    if (owner === undefined) return [said];
    const { life } = said.report;
    if (life === owner.report.life)
      return [said, ...others.map((each) => ({ ...each, ownerReports: each.ownerReports + 1 }))];
    const known = others.find(({ report }) => report.life === life);
    if (this.#leads(said.name, life) || said.seenAtMs - owner.seenAtMs >= SAME_NAME_AFTER_MS)
      return [said, ...others.flatMap((each) => (each === known ? [] : { ...each, ownerReports: 0 }))];
    if (known === undefined) return [owner, ...others.slice(1 - MAX_OTHERS), said];
    const { ownerReports } = known;
    return [owner, ...others.map((each) => (each === known ? { ...said, ownerReports } : each))];
  }

  #forget(): void {
    const oldestMs = this.#now() - this.#forgetAfterMs;
    const isOld = ({ seenAtMs }: Life) => seenAtMs < oldestMs;
    for (const [name, lives] of this.#names) {
      if (!lives.some(isOld)) continue;
      const left = lives.filter((each) => !isOld(each));
      // A name whose owner is silent has nobody: another life that had reported since would own it.
      if (left[0] === lives[0]) this.#names.set(name, left);
      else this.#names.delete(name);
    }
  }
}

const isProven = ({ ownerReports }: Life): boolean => ownerReports >= PROOF_OF_LIFE;
