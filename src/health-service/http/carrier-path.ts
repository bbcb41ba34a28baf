import { open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { CARRIER_FILE } from "../../common/protocol/join-protocol.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { whyNotHeard } from "./credentials.ts";
import { type Paths, type Reply, refuse } from "./reply.ts";

/** The carrier image for machines that have nothing but Docker: for members, and for who has a join token. `folder`: the cluster's. */
export const carrierPath = (cluster: Cluster, folder: string): Paths => ({
  "/v1/carrier": {
    GET: async ({ headers }, _, caller) => {
      const [, secret = ""] = /^Bearer ([\w-]+)$/.exec(headers.authorization ?? "") ?? [];
      const refusal = cluster.admits(secret) ? null : whyNotHeard(caller);
      return refusal ?? readCarrier(join(folder, CARRIER_FILE));
    },
  },
});

async function readCarrier(path: string): Promise<Reply> {
  try {
    const file = await open(path);
    const { size } = await file.stat();
    const headers = { "content-type": "application/x-tar", "content-length": String(size) };
    // A client that goes away ends both.
    const stream: Reply["stream"] = (response) => void pipeline(file.createReadStream(), response, () => {});
    return { status: 200, headers, body: "", stream };
  } catch {
    return NONE;
  }
}

const NONE = refuse(
  404,
  "the carrier image is not here; on the machine of this health service: ws token --carrier",
);
