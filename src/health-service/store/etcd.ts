import { Agent } from "node:http";
import * as z from "zod/mini";
import { type Address, formatAddress } from "../../common/address.ts";
import type { Clock } from "../../common/deadline.ts";
import { type Answer, send } from "../../common/net/http.ts";
import { askSeveral } from "../../common/net/several.ts";
import { attempt, err, ok, type Result } from "../../common/result.ts";
import type { Found, SharedText } from "../lease/shared-keeping.ts";

/** Keys by which etcd and this service know each other (PEM). */
export interface EtcdTls {
  readonly ca: string;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const Kv = z.object({ value: z.optional(z.string()), mod_revision: z.string() });
const Range = z.object({ kvs: z.optional(z.array(Kv)) });
/** Fields that are false or empty are left out (etcd 3.4, grpc-gateway). */
const Txn = z.object({ header: z.object({ revision: z.string() }), succeeded: z.optional(z.boolean()) });

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/**
 * Texts in etcd, by its JSON gateway (`/v3/kv`, etcd 3.4 and later). Reads are linearizable, so that one is answered only where a
 * majority of etcd's members is in reach.
 */
export async function openEtcd(
  members: readonly Address[],
  tls: EtcdTls | null,
  clock: Pick<Clock, "now" | "pause">,
): Promise<(key: string) => SharedText> {
  const post = await poster(tls);
  const several = askSeveral(members, clock);
  /** Which member read last, and so can write. */
  let reader = members[0];
  return (key) => ({
    at: `${members.map(formatAddress).join(",")}${key}`,
    read: async (timeoutMs) => {
      const asked = await several(
        timeoutMs,
        async (member, leftMs) =>
          parse(Range, await post(member, "range", { key: base64(key) }, leftMs), member),
        ({ ok }) => ok,
      );
      if ("failures" in asked)
        return err(asked.failures.flatMap((each) => (each.ok ? [] : [each.error])).join("; "));
      reader = asked.by;
      return asked.answer.ok ? ok(foundIn(asked.answer.value)) : asked.answer;
    },
    swap: async ({ text, version }, next, timeoutMs) => {
      if (reader === undefined) return err("no member of etcd is known");
      const at = { key: base64(key), result: "EQUAL" };
      const isSame = { ...at, target: "MOD", mod_revision: version };
      // A store that was restored counts its revisions anew.
      const isEqual = text === null ? [] : [{ ...at, target: "VALUE", value: base64(text) }];
      const body = {
        compare: [isSame, ...isEqual],
        success: [{ requestPut: { key: base64(key), value: base64(next) } }],
      };
      const answer = parse(Txn, await post(reader, "txn", body, timeoutMs), reader);
      if (!answer.ok) return answer;
      const { succeeded = false, header } = answer.value;
      return ok(succeeded ? { text: next, version: header.revision } : null);
    },
  });
}

/** A key that is not there has the revision 0. */
function foundIn({ kvs: [kv] = [] }: z.infer<typeof Range>): Found {
  if (kv === undefined) return { text: null, version: "0" };
  return { text: Buffer.from(kv.value ?? "", "base64").toString(), version: kv.mod_revision };
}

/** Requests to one member of etcd, on connections that stay. */
async function poster(tls: EtcdTls | null) {
  const settings = { keepAlive: true, maxSockets: 8, scheduling: "lifo" } as const;
  const https = tls && (await import("node:https"));
  const options = https
    ? { agent: new https.Agent({ ...settings, ...tls }) }
    : { agent: new Agent(settings) };
  return (member: Address, what: "range" | "txn", body: object, timeoutMs: number) => {
    const url = new URL(`${https ? "https" : "http"}://${formatAddress(member)}/v3/kv/${what}`);
    const request = https ? { request: https.request } : {};
    return send(
      url,
      { method: "POST", timeoutMs: Math.max(1, Math.ceil(timeoutMs)), token: null, options, ...request },
      body,
    );
  };
}

const Refusal = z.object({ error: z.string() });

function parse<T>(schema: z.ZodMiniType<T>, answer: Result<Answer, string>, at: Address): Result<T, string> {
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  const value = status === 200 ? attempt(() => z.parse(schema, JSON.parse(body))) : undefined;
  if (value !== undefined) return ok(value);
  const said = attempt(() => z.parse(Refusal, JSON.parse(body)).error) ?? body.slice(0, 200).trim();
  return err(`etcd at ${formatAddress(at)} answered ${status}: ${said}`);
}
