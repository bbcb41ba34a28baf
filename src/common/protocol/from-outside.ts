import * as z from "zod/mini";
import * as address from "../address.ts";

/** Texts that come from the network end in logs: no line break, escape code or turned direction of writing may be in them. */
export const visible = z.regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, "expected visible characters");
const withoutSpace = z.regex(/^[^\p{C}\p{Z}]*$/u, "expected visible characters without spaces");

export const Name = z.string().check(z.minLength(1), z.maxLength(253), withoutSpace);
export const Text = z.string().check(z.maxLength(1024), visible);
/** A list of candidates. */
export const Line = z.string().check(z.maxLength(10_000), visible);
/** host:port, the id of a cluster, or a word of ours. */
export const Word = z.string().check(z.maxLength(260), withoutSpace);
export const Host = z
  .string()
  .check(
    z.refine((text) => address.host.parse(text).ok, { error: "expected a host name or an IPv4 address" }),
  );
/** A name or an address that stands in the list of candidates, which every member reads: not 0.0.0.0, and no final dot. */
export const Peer = z.string().check(
  z.refine(
    (text) => {
      const parsed = address.peer.parse(text);
      return parsed.ok && parsed.value === text;
    },
    { error: "expected a host name or an IPv4 address of one machine, without a final dot" },
  ),
);
export const Port = z.int().check(z.minimum(1), z.maximum(65535));
export const Count = z.int().check(z.nonnegative());
