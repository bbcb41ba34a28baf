import type { IncomingMessage } from "node:http";
import type { Paths, Reply } from "./reply.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const OK: Reply = { status: 200, headers: TEXT, body: "OK" };

/** For those who only want to know whether this service lives. */
export const ROOT: Paths = { "/": { GET: () => OK } };

/** The same, and for browsers, which name HTML in `Accept`, the page. */
export const PAGE: Paths = {
  "/": {
    GET: ({ headers: { accept = "" } }: IncomingMessage) => (accept.includes("text/html") ? page() : OK),
  },
};

const page = (): Reply => ({
  status: 200,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": __PAGE__.policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    vary: "Accept",
  },
  body: __PAGE__.html,
});
