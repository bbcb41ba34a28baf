import { short } from "../../common/output/units.ts";
import { MEMBERSHIP_FILE } from "../../common/protocol/join-protocol.ts";

/** What happens in a cluster of members, in words: part of the service's events. No secret is in them. */
export const MEMBER_LINES = {
  cluster: ({
    name,
    id,
    members,
    advertise,
  }: Record<"name" | "id" | "advertise", string> & { members: number }) => [
    `✓ Cluster ${name} (${short(id)}) has ${members === 1 ? "1 member" : `${members} members`}; they reach it at https://${advertise}`,
  ],
  joined: ({ node, address, candidate }: { node: string; address: string; candidate: boolean }) => [
    `✓ ${node} at ${address} joined${candidate ? " as a candidate" : ""}`,
  ],
  "service-moved": ({ from, to }: Record<"from" | "to", string>) => [
    `→ This machine's card has another address than when it joined: members reach this service at ${to}, no longer ${from}`,
  ],
  moved: ({ node, address }: Record<"node" | "address", string>) => [`→ ${node} is at ${address} now`],
  "join-refused": ({
    node,
    address,
    reason,
    message,
  }: Record<"node" | "address" | "reason" | "message", string>) => [
    `✗ ${node} at ${address} may not join (${reason}): ${message}`,
  ],
  removed: ({ node, by }: Record<"node" | "by", string>) => [
    `→ ${node} is no member any more: ${by === "itself" ? "it has left" : `removed by ${by}`}`,
  ],
  "token-made": ({
    expiresAt,
    once,
    replace,
  }: {
    expiresAt: string;
    once: boolean;
    replace: string | null;
  }) => [
    `→ A join token was made: it ends at ${expiresAt}${once ? ", and works once" : ""}${replace === null ? "" : `, for a machine that takes the place of ${replace}`}`,
  ],
  "tokens-revoked": ({ revoked }: { revoked: number }) => [`→ Join tokens revoked: ${revoked}`],
  "ray-token-made": ({ rayTokenId }: { rayTokenId: number }) => [
    `✓ Ray has another token, number ${rayTokenId}: the HEAD takes it first, then the others`,
  ],
  standby: ({ of }: { of: string }) => [`→ Standby: ${of} decides, and is copied every two seconds`],
  "no-copy": ({ services, isMember }: { services: string[]; isMember: boolean }) => [
    isMember
      ? `✗ No service that decides answers (${services.join(", ")}); if its machine is lost for good: ws promote`
      : `✗ Nothing can be copied: this machine's node is no member; put its ${MEMBERSHIP_FILE} into RAY_EP_CLUSTER_DIR`,
  ],
  promoted: ({ term, complete }: { term: number; complete: boolean }) => [
    `✓ This service decides now, under term ${term}; ${complete ? "the one before has handed over" : "the one before does not answer"}`,
  ],
  yielded: ({ to, term }: { to: string; term: number }) => [
    `→ ${to} decides under term ${term}: this service gives way, and is its standby`,
  ],
  "members-not-kept": ({ file, cause }: Record<"file" | "cause", string>) => [
    `✗ The members cannot be kept in ${file}: ${cause}`,
    "→ Nobody joins or is removed until they can.",
  ],
};
