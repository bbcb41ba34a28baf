import type { Moment } from "./picture.ts";
import { rowsOf } from "./rows.ts";

/** A line to type, and what for. */
export interface Next {
  readonly type: string;
  readonly why: string;
}

/** Characters of a shell that need no quotes. */
const PLAIN = /^[\w.-]+$/;

/** What helps next, the most urgent first. Pure. */
export function nextOf(moment: Moment): Next[] {
  const rows = rowsOf(moment);
  if (rows.length === 0) return [{ type: "./ws up", why: "start the cluster" }];
  const trouble = rows.find(({ tone, name }) => tone === "bad" && PLAIN.test(name));
  const waiting = rows.find(({ state, name }) => state === "waits" && PLAIN.test(name));
  const hasHead = rows.some(({ role, tone }) => role === "HEAD" && tone === "good");
  return [
    ...(trouble
      ? [{ type: `./ws logs ${trouble.name}`, why: `why ${trouble.name} is ${trouble.state}` }]
      : []),
    ...(waiting ? [{ type: `./ws logs ${waiting.name}`, why: `what ${waiting.name} waits for` }] : []),
    ...(trouble || waiting || !hasHead
      ? [{ type: "./ws doctor", why: "what is wrong, and what to do" }]
      : []),
    ...(hasHead
      ? [
          { type: "./ws run -- python job.py", why: "run a job" },
          { type: 'eval "$(./ws env)"', why: "use the cluster from this shell" },
          { type: "./ws test", why: "test every node" },
        ]
      : []),
  ];
}
