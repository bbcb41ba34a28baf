import { saysOf } from "../common/output/why.ts";
import type { Moment } from "./picture.ts";
import { type Row, rowsOf } from "./rows.ts";

/** A line to type, and what for. */
export interface Next {
  readonly type: string;
  readonly why: string;
}

/** A name that a shell reads as one word. */
const isPlain = ({ name }: Row): boolean => /^\w[\w.-]*$/.test(name);

const WITH_A_HEAD: readonly Next[] = [
  { type: "./ws run -- python job.py", why: "run a job" },
  { type: 'eval "$(./ws env)"', why: "use the cluster from this shell" },
  { type: "./ws test", why: "test every node" },
];

/** What helps next, the most urgent first. Pure. */
export function nextOf(moment: Moment): Next[] {
  const rows = rowsOf(moment);
  if (rows.length === 0) return [{ type: "./ws up", why: "start the cluster" }];
  const hasHead = rows.some(({ role, tone }) => role === "HEAD" && tone === "good");
  const [bad, waiting] = [
    rows.filter(({ tone }) => tone === "bad"),
    rows.filter(({ state }) => state === "waits"),
  ];
  const logs = [...bad.filter(isPlain).slice(0, 1), ...waiting.filter(isPlain).slice(0, 1)];
  return [
    ...logs.map(({ name, state }) => ({ type: `./ws logs ${name}`, why: `why ${name} ${saysOf(state)}` })),
    ...(hasHead && bad.length + waiting.length === 0
      ? []
      : [{ type: "./ws doctor", why: "what is wrong, and what to do" }]),
    ...(hasHead ? WITH_A_HEAD : []),
  ];
}
