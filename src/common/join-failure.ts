import type { JoinRefused } from "./protocol/join-protocol.ts";

const HOST_NETWORK =
  "→ Give the container the machine's network: docker run --network host (Compose: network_mode: host).";
const OTHER_ADDRESS =
  "→ Name another one: RAY_EP_INTERFACE (an interface; ws join --interface) or NODE_IP_ADDRESS (an address).";

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
/** Commands, one for each firewall that may be there. */
type Lines = readonly string[];
type WrongAddress = { address: string; problem: keyof typeof ADDRESSES; cards: readonly string[] };

/** Why a node could not become a member of a cluster of several machines, in words. */
export const JOIN_FAILURES = {
  "bad-join-token": ({ from, problem }: { from: string; problem: string }) => [
    `✗ The join token in ${from} cannot be used: ${problem}`,
    "→ Copy the whole word that `ws token` prints on the first machine, or on that of the last `ws promote`.",
  ],
  "no-health-service": ({ causes }: { causes: readonly string[] }) => [
    `✗ From here the cluster's health service cannot be reached: ${causes.join("; ")}`,
    "→ See that it runs, and that the firewall of its machine lets its port in.",
  ],
  "other-key": ({ service }: { service: string }) => [
    `✗ Another server, with another key than the join token's, answers at ${service}; nothing secret was sent to it`,
    "→ Is the token from another cluster, or was the cluster made anew? Then make a new one there: ws token. Else find out what answers.",
  ],
  /** The service's message says what to do, too. */
  "join-refused": ({ why, message }: { why: JoinRefused["reason"]; message: string }) => [
    `✗ The cluster does not admit this node: ${why}`,
    `→ ${message}`,
  ],
  "join-unclear": ({ service, cause }: { service: string; cause: string }) => [
    `✗ The health service at ${service} did not admit this node: ${cause}`,
    "→ See the log of the health service; a restart tries again.",
  ],
  "wrong-address": ({ address, problem, cards }: WrongAddress) => [
    `✗ Other machines cannot reach this node at ${address}: ${ADDRESSES[problem].what}`,
    `  This machine has ${cards.join(", ") || "no address but loopback"}`,
    ADDRESSES[problem].fix,
  ],
  "ports-taken": ({ ports }: { ports: readonly number[] }) => [
    `✗ Other programs of this machine listen on ports that the cluster's Ray uses: ${ports.join(", ")}`,
    "→ End them: ss -ltnp names them. A Ray that was started by hand is ended by: ray stop",
  ],
  /** From the others to this node. */
  "not-reached": ({ address, met, lines }: { address: string; met: readonly string[]; lines: Lines }) => [
    `✗ From the health service to this node, ports cannot be reached at ${address}: ${met.join("; ")}`,
    ...lines.map((line) => `  ${line}`),
    "→ On this machine, let the cluster's ports in: run the line above for its firewall.",
  ],
  /** From this node to the HEAD. */
  "head-not-reached": (e: { head: string; address: string; met: readonly string[]; lines: Lines }) => [
    `✗ From this node to the HEAD ${e.head}, ports cannot be reached at ${e.address}: ${e.met.join("; ")}`,
    ...e.lines.map((line) => `  ${line}`),
    `→ On ${e.head}, let the cluster's ports in: run the line above for its firewall there.`,
  ],
  moved: ({ address, cards }: { address: string; cards: readonly string[] }) => [
    `✗ The cluster knows this node at ${address}, which this machine no longer has, and the card that had it has no other address; this machine has ${cards.join(", ") || "no address but loopback"}`,
    "→ See that the card is up, and name another one (RAY_EP_INTERFACE) where it was replaced; or end this membership and join anew: ws leave, then ws join TOKEN.",
  ],
  "membership-unwritable": ({ path, code }: { path: string; code: string }) => [
    `✗ The membership cannot be kept as ${path} (${code})`,
    "→ Mount a folder there that this user can write, or name another one in RAY_EP_STATE_DIR.",
  ],
};
