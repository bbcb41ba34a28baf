import type { ReachAnswer } from "../common/protocol/reach-protocol.ts";
import type { Members } from "../common/result.ts";
import { MEMBER_LINES } from "./cluster/event-lines.ts";
import { renderFailure, type ServiceFailure } from "./failure.ts";

interface Started {
  version: string;
  instance: string;
  host: string;
  port: number;
  ttlMs: number;
  stateDir: string | null;
  /** The store of several services. */
  store?: string;
  whitelist: string[] | null;
  /** What a write needs. */
  access: "open" | "token" | "member";
}

type Memory =
  | { kind: "kept"; epoch: number; holder: string | null }
  | { kind: "none"; ttlMs: number }
  | { kind: "damaged"; ttlMs: number; epoch: number; detail: string };

interface Granted {
  how: "grant" | "recognition" | "adoption";
  node: string;
  /** For the simulation; never logged. */
  life: string;
  address: string;
  epoch: number;
  /** The holder before, if its lease was not released. */
  before: string | null;
  /** Since the last sign of any holder before; null where none is known. */
  headlessMs: number | null;
}

/** Whom the lease is for, without a whitelist. */
const EVERYBODY = { open: "for every node", token: "for every node", member: "for candidates" } as const;

/** What each event holds, and its lines. */
const LINES = {
  started: ({ version, host, port, ttlMs, stateDir, store, whitelist, access }: Started) => [
    `✓ Health service ${version} listens on http://${host}:${port}`,
    [
      `→ head lease: ${ttlMs / 1000} s`,
      (store ?? stateDir) === null ? "in memory" : `kept in ${store ?? stateDir}`,
      whitelist === null ? EVERYBODY[access] : `for ${whitelist.join(", ")}`,
      { open: "writes are open", token: "writes need the token", member: "only members are heard" }[access],
    ].join(", "),
  ],
  memory: (memory: Memory) => {
    if (memory.kind === "kept")
      return [`→ Remembered epoch ${memory.epoch}, held by ${memory.holder ?? "nobody"}`];
    if (memory.kind === "none")
      return [
        `→ No memory of an earlier run: while a candidate is silent, a living HEAD has ${memory.ttlMs / 1000} s to present itself`,
      ];
    return [
      `✗ The kept state cannot be used: ${memory.detail}`,
      `→ It goes on without memory, with epochs above ${memory.epoch}; a living HEAD will present itself.`,
    ];
  },
  granted: ({ how, node, address, epoch, before }: Granted) => {
    const who = `${node} at ${address}, epoch ${epoch}`;
    if (how === "recognition") return [`→ Head lease confirmed to ${who}: it holds the lease already`];
    const after = before === null ? "" : `, after ${before}`;
    return [`✓ ${how === "grant" ? "Head lease granted to" : "Living HEAD recognised:"} ${who}${after}`];
  },
  refused: ({ node, reason, message }: Record<"node" | "reason" | "message", string>) => [
    `✗ Head lease refused to ${node} (${reason}): ${message}`,
  ],
  released: ({ node, epoch, returning }: { node: string; epoch: number; returning: boolean }) => [
    `→ ${node} ${returning ? "stopped and may come back: its head lease ended" : "released the head lease"}, epoch ${epoch}`,
  ],
  storage: (storage: { ok: true; file: string } | { ok: false; file: string; cause: string }) =>
    storage.ok
      ? [`✓ The state is kept on disk again: ${storage.file}`]
      : [
          `✗ The state cannot be kept on disk: ${storage.cause}`,
          "→ No head lease is granted until it can be kept; a running HEAD goes on.",
        ],
  /** Of several services. */
  store: (store: { ok: true; at: string } | { ok: false; at: string; cause: string }) =>
    store.ok
      ? [`✓ The store of the health services answers: ${store.at}`]
      : [
          `✗ The store of the health services does not answer: ${store.cause}`,
          "→ This service grants and renews nothing; a running HEAD goes on, in strict mode until its lease ends.",
        ],
  "store-promoted": ({ epoch }: { epoch: number }) => [
    `→ The store of the health services counts again as it is: epochs go on above ${epoch}`,
  ],
  /** A write that was refused before its body was read. */
  "turned-away": ({ from, method, path, cause }: Record<"from" | "method" | "path" | "cause", string>) => [
    `✗ ${method} ${path} from ${from} refused: ${cause}`,
  ],
  reach: ({ node, answer }: { node: string; answer: ReachAnswer }) => {
    const { result, message, from, to, address } = answer;
    const at = `${to ?? "no address"}${address === null ? "" : ` (${address})`}`;
    return [
      `${result === "reached" ? "✓" : "✗"} Dial back to ${node} at ${at}${from === null ? "" : ` from ${from}`}: ${result}, ${message}`,
    ];
  },
  "history-not-kept": ({ file, cause }: Record<"file" | "cause", string>) => [
    `✗ The history of the cluster cannot be kept in ${file}: ${cause}`,
    "→ It goes on in memory; make the file writable for this user.",
  ],
  ...MEMBER_LINES,
  bug: ({ where, detail }: { where: string; detail: string }) => [`✗ A bug at ${where}: ${detail}`],
  stopping: ({ signal }: { signal: string }) => [`→ ${signal} received, stopping`],
  failed: ({ failure }: { failure: ServiceFailure }) => renderFailure(failure),
};
export type Event = Members<"type", typeof LINES>;

/** One event in words. */
export const render = (event: Event): string[] => (LINES[event.type] as (event: Event) => string[])(event);

/** What clients cause repeatedly: a refused candidate asks again every second or two. */
const REPEATED: ReadonlySet<Event["type"]> = new Set([
  "refused",
  "join-refused",
  "members-not-kept",
  "history-not-kept",
  "storage",
  "store",
  "turned-away",
  "bug",
  "reach",
]);
const MINUTE_MS = 60_000;
/** Strangers choose the names in refusals, so the number that is remembered, and logged in a minute, is limited. */
const MAX_EVENTS = 1000;

/**
 * Passes on what may be logged: no life, and of what clients may repeat each event once a minute. `now` is milliseconds,
 * monotonic.
 */
export function quietLog(log: (event: Event) => void, now: () => number): (event: Event) => void {
  const said = new Set<string>();
  let minuteEndsMs = 0;
  return (event) => {
    // Anybody who knows a life can send requests in that node's name.
    const shown = "life" in event ? { ...event, life: "(not shown)" } : event;
    if (!REPEATED.has(event.type)) return log(shown);
    if (now() >= minuteEndsMs) {
      said.clear();
      minuteEndsMs = now() + MINUTE_MS;
    }
    const key = JSON.stringify(shown);
    if (said.has(key) || said.size >= MAX_EVENTS) return;
    said.add(key);
    log(shown);
  };
}
