import type { JoinRefused } from "./protocol/join-protocol.ts";

const NEW_TOKEN = "→ Make a new one on a candidate: ws token";

const REFUSED: Readonly<Record<JoinRefused["reason"], { what: string; fix: string }>> = {
  "unknown-token": { what: "This cluster does not know the join token", fix: NEW_TOKEN },
  expired: { what: "The join token has expired", fix: NEW_TOKEN },
  revoked: { what: "The join token was revoked", fix: NEW_TOKEN },
  used: { what: "The join token was used already, and is good for one join", fix: NEW_TOKEN },
  "other-name": {
    what: "The join token is for a machine of another name",
    fix: "→ Use it on that machine, or make a new one on a candidate: ws token",
  },
  full: {
    what: "The cluster has no room for another member",
    fix: "→ Remove one on a candidate (ws remove NAME), or join without RAY_EP_CANDIDATE.",
  },
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

const HOST_NETWORK =
  "→ Give the container the machine's network: docker run --network host (Compose: network_mode: host).";
const OTHER_ADDRESS = "→ Name another one: RAY_EP_INTERFACE (an interface) or NODE_IP_ADDRESS (an address).";

/** Why other machines cannot reach a member at an address. */
const ADDRESSES = {
  loopback: { what: "it is this machine's own loopback", fix: OTHER_ADDRESS },
  bridge: { what: "it is a network that an engine made on this machine for containers", fix: OTHER_ADDRESS },
  container: { what: "it is this container's own network, into which others have no way", fix: HOST_NETWORK },
  "not-ours": { what: "no interface of this machine has it", fix: OTHER_ADDRESS },
  "no-such-interface": {
    what: "this machine has no such interface with an IPv4 address",
    fix: OTHER_ADDRESS,
  },
};
type WrongAddress = { address: string; why: keyof typeof ADDRESSES; cards: readonly string[] };

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
  "wrong-address": ({ address, why, cards }: WrongAddress) => [
    `✗ Other machines cannot reach this node at ${address}: ${ADDRESSES[why].what}`,
    `  This machine has ${cards.join(", ") || "no address but loopback"}`,
    ADDRESSES[why].fix,
  ],
  "membership-unwritable": ({ folder, code }: { folder: string; code: string }) => [
    `✗ The membership cannot be kept in ${folder} (${code})`,
    "→ Mount a folder there that this user can write, or name another one in RAY_EP_STATE_DIR.",
  ],
};
