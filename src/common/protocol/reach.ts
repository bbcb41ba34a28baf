import * as z from "zod/mini";
import { Name, Port, Text } from "./from-outside.ts";

/**
 * Body of `POST /v1/reach`: the service dials the name that this node advertises, at a port that the node reported, and
 * expects to read `nonce` there. The node listens before it asks.
 */
export const ReachRequest = z.object({
  node: Name,
  life: Name,
  nonce: z.string().check(z.minLength(8), z.maxLength(128)),
  port: Port,
});
export type ReachRequest = z.infer<typeof ReachRequest>;

/** 200 of `POST /v1/reach`. */
export const ReachAnswer = z.object({
  result: z.enum([
    /** The nonce came back. */
    "reached",
    /** What the dial met. */
    "refused",
    "timeout",
    "no-route",
    "name-not-found",
    /** Something else listens there. */
    "wrong-answer",
    /** No report of this life from where the request came, nothing advertised, or a port that it did not report. */
    "not-known",
    /** A dial for this node is under way or just over, or there were too many lately. */
    "busy",
  ]),
  message: Text,
  /** The service's own end of the connection, null where none was made. */
  from: z.nullable(Text),
  /** What was dialled: the advertised name with the port; and what it resolved to, for those who have the token. */
  to: z.nullable(Text),
  address: z.nullable(Text),
});
export type ReachAnswer = z.infer<typeof ReachAnswer>;
