import type { ClusterEvent } from "../protocol/events-protocol.ts";
import { span } from "./units.ts";

type Words = { readonly [K in ClusterEvent["kind"]]: (event: Extract<ClusterEvent, { kind: K }>) => string };

const LED = {
  first: "the first to lead",
  takeover: "took over",
  returned: "came back",
  promoted: "promoted",
  recognised: "recognised as the living HEAD",
} as const;

const WORDS: Words = {
  joined: ({ address, candidate }) =>
    `joined${address === null ? "" : ` at ${address}`}${candidate ? " as a candidate" : ""}`,
  refused: ({ what, message }) => `was refused (${what}): ${message}`,
  led: ({ epoch, why, before, headlessS }) =>
    `leads under epoch ${epoch}: ${LED[why]}${before === null ? "" : ` after ${before}`}${headlessS === null ? "" : `, ${span(headlessS * 1000)} without a HEAD`}`,
  "gave-back": ({ epoch, returning }) =>
    returning ? `stopped and may come back (epoch ${epoch})` : `gave the head lease back (epoch ${epoch})`,
  // Without a fault where it follows another HEAD, or takes the lead.
  restarted: ({ reason, words, restarts }) =>
    reason === "new-process"
      ? "was started again"
      : `restarted Ray (${restarts})${reason === "unknown" ? "" : `: ${words ?? reason}`}`,
  failed: ({ reason, words, exitCode }) => `ended with exit code ${exitCode}: ${words ?? reason}`,
  stopped: () => "was stopped",
  silent: () => "is silent",
  back: ({ silentS }) => `reports again after ${span(silentS * 1000)}`,
  removed: ({ by }) => (by === "itself" ? "has left" : `was removed by ${by}`),
};

/** What happened to a node, in words that follow its name. Pure. */
export const eventWords = (event: ClusterEvent): string =>
  (WORDS[event.kind] as ((event: ClusterEvent) => string) | undefined)?.(event) ?? event.kind;
