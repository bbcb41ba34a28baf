import type { JoinRefused } from "./protocol/join-protocol.ts";

const NEW_TOKEN = "→ Make a new one on a candidate: ws token";

const REFUSED: Readonly<Record<JoinRefused["reason"], { what: string; fix: string }>> = {
  "unknown-token": { what: "This cluster does not know the join token", fix: NEW_TOKEN },
  expired: { what: "The join token has expired", fix: NEW_TOKEN },
  revoked: { what: "The join token was revoked", fix: NEW_TOKEN },
  used: { what: "The join token was used already, and is good for one join", fix: NEW_TOKEN },
  "name-taken": {
    what: "The cluster has a member of this name",
    fix: "→ Give this machine another hostname (or RAY_EP_NODE_NAME); if it is the same machine, which lost its state, make a token for it on a candidate: ws token --replace NAME",
  },
  "other-ray": {
    what: "The cluster runs another Ray",
    fix: "→ Use an image with the cluster's Ray: Ray refuses mixed clusters.",
  },
  "other-python": {
    what: "The cluster runs another Python",
    fix: "→ Use an image with the cluster's Python: Ray refuses mixed clusters.",
  },
};

/** Why a node could not become a member of a cluster of several machines, in words. */
export const JOIN_FAILURES = {
  "bad-join-token": ({ from, problem }: { from: string; problem: string }) => [
    `✗ The join token in ${from} cannot be used: ${problem}`,
    "→ Copy the whole word that `ws token` prints on a candidate.",
  ],
  "no-health-service": ({ causes }: { causes: readonly string[] }) => [
    `✗ From here the cluster's health service cannot be reached: ${causes.join("; ")}`,
    "→ See that it runs, and that the firewall of its machine lets its port in.",
  ],
  "other-key": ({ service }: { service: string }) => [
    `✗ Another server, with another key than the join token's, answers at ${service}; nothing secret was sent to it`,
    "→ Is the token from another cluster, or was the cluster made anew? Then make a new one there: ws token. Else find out what answers.",
  ],
  "join-refused": ({ why, message }: { why: JoinRefused["reason"]; message: string }) => [
    `✗ ${REFUSED[why].what}: ${message}`,
    REFUSED[why].fix,
  ],
  "join-unclear": ({ service, cause }: { service: string; cause: string }) => [
    `✗ The health service at ${service} did not admit this node: ${cause}`,
    "→ See the log of the health service; a restart tries again.",
  ],
  "membership-unwritable": ({ folder, code }: { folder: string; code: string }) => [
    `✗ The membership cannot be kept in ${folder} (${code})`,
    "→ Mount a folder there that this user can write, or name another one in RAY_EP_STATE_DIR.",
  ],
};
