import { type Failure, renderFailure } from "../../common/failure.ts";
import { span } from "../../common/output/units.ts";
import { type Card, shown } from "../membership/address.ts";
import { warning } from "./words.ts";

const below = (failure: Failure): string[] =>
  renderFailure(failure).map((line) => `  ${line.replace(/^✗/, "→")}`);

/** The events of a member of a cluster of several machines. */
export const MEMBERSHIP = {
  joined: (e: { cluster: string; member: string }) => `✓ Joined the cluster ${e.cluster} as ${e.member}`,
  /** Of a dry run, which joins nothing; the service's clock decides about the end. */
  "would-join": ({ services, endsAtMs }: { services: readonly string[]; endsAtMs: number }) =>
    `→ This node is no member yet: it would join the cluster whose health service is at ${services.join(" or ")}, by a token that ends at ${new Date(endsAtMs).toISOString()}`,
  /** A join that failed, or was stopped. */
  "not-given-back": (e: { member: string; cause: string; isKept: boolean }) => [
    `✗ The cluster did not hear that ${e.member} could not use its membership (${e.cause}), so that the name stays taken`,
    e.isKept
      ? `  → The next start here, with this token or another one, gives it back first. Without one, on the first machine: ws remove ${e.member}`
      : `  → On the first machine: ws remove ${e.member}`,
  ],
  /** Also at each later start. */
  member: (e: { cluster: string; member: string; interface: string | undefined }) =>
    `→ Member ${e.member} of the cluster ${e.cluster}${e.interface === undefined ? "" : `, by the interface ${e.interface}`}`,
  "own-address": (e: { address: string; interface: string | undefined; cards: readonly Card[] }) => {
    const own = e.cards.find(({ address }) => address === e.address);
    const others = e.cards.filter((each) => each !== own).map(shown);
    const rest = others.length === 0 ? "" : `; not taken: ${others.join(", ")}`;
    return `→ This node is at ${own === undefined ? e.address : shown(own)}${rest}`;
  },
  /** Since it was a member last: the cluster hears of it once it was dialled back there. */
  moved: ({ from, to }: Record<"from" | "to", string>) =>
    `→ The cluster knows this node at ${from}; it goes on at ${to}`,
  /** By wall time. */
  clock: ({ aheadMs }: { aheadMs: number }) =>
    warning(
      `this machine's clock is ${span(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead of" : "behind"} the health service's; the cluster works all the same, but the times in logs differ`,
      "Set the clocks, by NTP for instance (timedatectl set-ntp true).",
    ),
  /** By the health service, before anything of Ray runs. */
  reached: (e: { address: string; ports: readonly number[] }) =>
    `✓ The others reach this node at ${e.address} (ports ${e.ports.join(", ")})`,
  /** A member starts all the same. */
  "gate-unclear": (e: { failure: Failure }) => [
    "→ Whether the others reach this node was not checked:",
    ...below(e.failure),
  ],
  /** Its certificate is half over, or for another address than the node's. */
  uncertified: (e: { failure: Failure }) => [
    "✗ This node's Ray needs another certificate and did not get it, so that others may not speak to it:",
    ...below(e.failure),
  ],
  /** Whether the health service accepts this member's credential; Ray runs on all the same. */
  known: (e: { member: string; isKnown: boolean }) =>
    e.isKnown
      ? `✓ The cluster's health service knows ${e.member} again`
      : [
          `✗ The cluster's health service does not know ${e.member} any more: it lost what it kept, or took over before it had heard of this join`,
          "  → Join again: ws leave, then ws join TOKEN. Without ws: remove membership.json from the node's state folder, and start it with a new token. Ray runs on here until then, but the node can neither become HEAD nor be seen.",
        ],
  /** Idle: an end would be a restart, and the answer would be the same. */
  removed: (e: { cluster: string; member: string; message: string }) => [
    `✗ ${e.member} was removed from the cluster ${e.cluster}: ${e.message}`,
    "  → This node stays idle. To join again, give it a new token (ws token on the first machine, or on that of the last ws promote); to clean up: ws leave",
  ],
};
