import { open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import * as z from "zod/mini";
import * as admin from "../../common/protocol/admin-protocol.ts";
import * as wire from "../../common/protocol/join-protocol.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Service } from "../service.ts";
import { READS_ALONE, whyNotAdmin, whyNotFor, whyNotHeard } from "./credentials.ts";
import { ok, type Paths, type Reply, refuse } from "./reply.ts";
import type { createWrites } from "./writes.ts";

/** The paths that a cluster of members has besides. */
export function memberPaths(
  service: Service,
  cluster: Cluster,
  write: ReturnType<typeof createWrites>,
): Paths {
  return {
    "/v1/join": {
      POST: write(
        wire.JoinRequest,
        () => null,
        async (request) => {
          const body = await cluster.join(request);
          return body !== null && "reason" in body ? { status: 403, body } : kept(body);
        },
      ),
    },
    "/v1/carrier": {
      GET: async ({ headers }, _, caller) => {
        const [, secret = ""] = /^Bearer ([\w-]+)$/.exec(headers.authorization ?? "") ?? [];
        const refusal = cluster.tokens.admits(secret) ? null : whyNotHeard(caller);
        return refusal ?? readCarrier(service.settings.config.RAY_EP_CLUSTER_DIR ?? "");
      },
    },
    "/v1/members": { GET: () => ok(cluster.view()) },
    "/v1/members/": {
      DELETE: async (_, name, caller) => {
        const by = "name" in caller ? "itself" : "the admin";
        return whyNotFor(caller, name) ?? removal(name, await service.remove(cluster, name, by));
      },
    },
    "/v1/tokens": {
      POST: write(admin.TokenRequest, whyNotAdmin, async (request) => {
        const { replace } = request;
        const isNobody = replace !== undefined && cluster.member(replace) === undefined;
        return isNobody ? unknown(replace) : kept(await cluster.tokens.make(request));
      }),
      DELETE: write(admin.TokenRevocation, whyNotAdmin, async (request) =>
        kept(await cluster.tokens.revoke(request)),
      ),
    },
    "/v1/ray-token": {
      // It lets who has it run programs, which a page may not.
      GET: (_, __, { kind }) => (kind === "reader" ? READS_ALONE : ok(cluster.ray.token())),
      POST: write(z.object({}), whyNotAdmin, async () => kept(await cluster.ray.rotate())),
    },
    "/v1/dial-back": {
      POST: write(wire.DialBackRequest, whyNotHeard, async (request, { caller }) => {
        const member = "name" in caller ? cluster.member(caller.name) : undefined;
        if (member === undefined) return NO_MEMBER;
        const { address = member.address } = request;
        return ok(await service.dialBack(request, { ...member, address }));
      }),
    },
    "/v1/base": {
      POST: write(wire.BaseImage, whyNotHeard, async (base, { caller }) =>
        "name" in caller ? kept(await cluster.tellBase(caller.name, base)) : NO_MEMBER,
      ),
    },
    "/v1/ray-certificate": {
      POST: write(wire.RayCertificateRequest, whyNotHeard, async (request, { caller, peer }) => {
        if (!("name" in caller)) return NO_MEMBER;
        const certificate = await cluster.ray.certify(caller.name, request, peer);
        return typeof certificate === "string" ? refuse(400, certificate) : ok(certificate);
      }),
    },
  };
}

const unknown = (name: string): Reply =>
  refuse(404, `no member of this cluster is named ${name}, so the name is free`);

const removal = (name: string, removed: object | false | null): Reply =>
  removed === false ? unknown(name) : kept(removed);

/** An answer, or that what it would tell cannot be kept. */
export const kept = (body: object | null): Reply => (body === null ? NOT_KEPT : ok(body));

const NOT_KEPT = refuse(
  503,
  "the health service cannot keep its cluster on disk, so nothing was changed; see its log, and ask again",
);
const NO_MEMBER = refuse(403, "expected the credential of a member, which asks for itself");

/** The carrier image, which `ws` has put beside the cluster. */
async function readCarrier(folder: string): Promise<Reply> {
  try {
    const file = await open(join(folder, wire.CARRIER_FILE));
    const { size } = await file.stat();
    const headers = { "content-type": "application/x-tar", "content-length": String(size) };
    // A client that goes away ends both.
    const stream: Reply["stream"] = (response) => void pipeline(file.createReadStream(), response, () => {});
    return { status: 200, headers, body: "", stream };
  } catch {
    return NO_CARRIER;
  }
}

const NO_CARRIER = refuse(
  404,
  "the carrier image is not here; on the machine of this health service: ws token --carrier",
);
