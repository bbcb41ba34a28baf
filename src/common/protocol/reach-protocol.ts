import * as z from "zod/mini";
import { Name, Port, Text } from "./from-outside.ts";

/** Body of `POST /v1/reach`: the service dials what this node advertises, and expects to read `nonce` there. */
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
    "reached",
    "refused",
    "timeout",
    "no-route",
    "name-not-found",
    /** Something else listens there. */
    "wrong-answer",
    /** Not dialled: its report does not allow it, or there were too many dials lately. */
    "not-known",
    "busy",
  ]),
  message: Text,
  /** The service's own end of the connection. */
  from: z.nullable(Text),
  /** What was dialled: the advertised name with the port; and what it resolved to, for those who have the token. */
  to: z.nullable(Text),
  address: z.nullable(Text),
});
export type ReachAnswer = z.infer<typeof ReachAnswer>;
