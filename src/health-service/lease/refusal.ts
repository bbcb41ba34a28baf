import type { Holder, LeaseRefused, LeaseRequest } from "../../common/protocol/lease-protocol.ts";

/** Why the lease was refused, in one sentence for the asker's log. */
export function explainRefusal(
  reason: LeaseRefused["reason"],
  { node, address }: Pick<LeaseRequest, "node" | "address">,
  holding: Holder | null,
  epoch: number,
): string {
  const holder =
    holding === null ? "nobody" : `${holding.node} at ${holding.address}, epoch ${holding.epoch}`;
  switch (reason) {
    case "held":
      return `the head lease is held by ${holder}`;
    case "same-name":
      return `an earlier run of ${node} holds the head lease (${holder}); it must fall silent first`;
    case "duplicate-name":
      return `two living nodes are named ${node}: ${holder} goes on renewing the head lease`;
    case "quiet-period":
      return "this health service has just started without memory; it waits for a living HEAD to present itself";
    case "stale-epoch":
      return `this epoch is over: the current one is ${epoch}, held by ${holder}`;
    case "not-a-candidate":
      return `${node} is not in the HEAD_WHITELIST of the health service`;
    case "foreign-address":
      return `expected an address of ${node}, got ${address}: the health service's HEAD_WHITELIST does not list it for ${node}, and the request does not come from it; set the same HEAD_WHITELIST on the service and on the nodes, with name=host:port where needed`;
    case "storage":
      return "the health service cannot keep its state on disk, so it grants nothing";
  }
}
