import { span } from "../common/output/units.ts";
import { saysOf } from "../common/output/why.ts";
import type { Moment } from "./picture.ts";
import { type Row, rowsOf } from "./rows.ts";

/** What is said of the cluster first. `news`: the same without the times that go on, for those who listen. */
export interface Sentence {
  readonly lead: string;
  /** Of the nodes that are not well, a sentence each. */
  readonly troubles: readonly string[];
  readonly news: string;
}

/** How many nodes that are not well it names. */
const MAX_NAMED = 2;

/** "ray-cpu leads since 2 d 4 h, epoch 3. 2 of 3 nodes are ALIVE. ray-big waits: 10.0.0.1:6379 no route." Pure. */
export function sentenceOf(moment: Moment): Sentence {
  const rows = rowsOf(moment);
  const alive = aliveOf(rows, moment.view.omitted);
  const told = troubles(rows);
  const lead = leadOf(moment, rows, (ms, word) =>
    ms === undefined ? "" : ` ${word} ${span(moment.nowMs - ms)}`,
  );
  const news = [leadOf(moment, rows, () => ""), alive, ...told].join(" ");
  return { lead: `${lead} ${alive}`, troubles: told, news };
}

type Since = (ms: number | undefined, word: string) => string;

function leadOf({ view, events, atMs }: Moment, rows: readonly Row[], since: Since): string {
  const { holder, releasedBy } = view;
  const head = rows.find(({ role, tone }) => role === "HEAD" && tone === "good");
  if (holder === null) {
    if (head !== undefined) return `${head.name} leads${since(head.sinceMs, "since")}, without a lease.`;
    if (releasedBy === undefined) return "No HEAD yet.";
    return `No HEAD${since(atMs - releasedBy.ago * 1000, "for")}: ${releasedBy.node} gave the head lease back.`;
  }
  const { node, epoch, endedFor, expiresIn, returning } = holder;
  if (expiresIn <= 0) {
    const how = returning ? "stopped and may come back" : "is lost";
    return `No HEAD${since(atMs - (endedFor ?? 0) * 1000, "for")}: ${node}, which led under epoch ${epoch}, ${how}.`;
  }
  const own = rows.find(({ name }) => name === node);
  if (own?.state === "silent")
    return `No HEAD: ${node}, epoch ${epoch}, has been silent${since(own.sinceMs, "for")}.`;
  const led = events.findLast((event) => event.kind === "led" && event.epoch === epoch);
  if (own !== undefined && own.tone !== "good")
    return `No HEAD yet: ${node}, epoch ${epoch}, ${saysOf(own.state)}.`;
  return `${node} leads${since(led?.at, "since")}, epoch ${epoch}.`;
}

function aliveOf(rows: readonly Row[], omitted = 0): string {
  const count = rows.filter(({ state }) => state === "ALIVE").length;
  const more = omitted > 0 ? ` ${omitted} more are not listed.` : "";
  if (rows.length === 0) return `No node reports.${more}`;
  if (rows.length === 1) return `The only node is ${count === 1 ? "ALIVE" : "not ALIVE"}.${more}`;
  const some = `${count === 0 ? "None" : count} of ${rows.length} nodes`;
  const which = count < rows.length ? some : count === 2 ? "Both nodes" : `All ${count} nodes`;
  return `${which} ${count === 1 ? "is" : "are"} ALIVE.${more}`;
}

function troubles(rows: readonly Row[]): string[] {
  const unwell = rows.filter(({ tone }) => tone === "bad" || tone === "busy");
  const named = unwell.slice(0, MAX_NAMED).map(troubleOf);
  const left = unwell.length - named.length;
  return left === 0 ? named : [...named, `${left} more ${left === 1 ? "is" : "are"} not well.`];
}

const troubleOf = ({ name, state, why }: Row): string =>
  `${name} ${saysOf(state)}${why === undefined ? "" : `: ${why.replace(/\.$/, "")}`}.`;
