import { isIPv4 } from "node:net";
import { isLoopback } from "../../common/address.ts";
import type { Failure } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import type { OwnInterface } from "../config/identity.ts";

/** What a member advertises to Ray, and the interface that has it; undefined for a name, or where that is not known. */
export interface OwnAddress {
  readonly address: string;
  readonly interface: string | undefined;
}

/** What decides the address, in this order. */
export interface AddressWishes {
  /** NODE_IP_ADDRESS. */
  readonly given: string | null;
  /** RAY_EP_INTERFACE. */
  readonly interface: string | null;
  /** This machine's end of a connection to the health service. */
  readonly localEnd: string;
}

/** An interface as far as the choice depends on it. */
export interface Card extends OwnInterface {
  /** Whose other machines reach it: 10.77.0.0/24. */
  readonly network: string;
  /** Mbit/s; undefined where the driver does not say. */
  readonly speed: number | undefined;
  /** It is this container's own end of a network that the engine made for it. */
  readonly isOfContainer: boolean;
}

/** Networks that an engine or hypervisor makes on a machine for what runs there: no other machine has a way in. */
const BRIDGES =
  /^(?:docker\d+|docker_gwbridge|br-[\da-f]{12}|podman\d+|cni\d+|cni-podman\d+|virbr\d+|lxcbr\d+|lxdbr\d+)$/;

/** Which address this member has, or why others could not reach it there. Pure. */
export function chooseAddress(wishes: AddressWishes, cards: readonly Card[]): Result<OwnAddress, Failure> {
  const named = wishes.given === null ? wishes.interface : null;
  const wished = named === null ? (wishes.given ?? wishes.localEnd) : undefined;
  const own = cards.find(({ name, address }) => (named === null ? address === wished : name === named));
  const address = wished ?? own?.address;
  const refuse = (why: Why, at: string) =>
    err({ reason: "wrong-address", problem: why, address: at, cards: cards.map(shown) } as const);
  if (address === undefined) return refuse("no-such-interface", named ?? "");
  const why = whyNot(address, own, wishes, cards);
  return why === null ? ok({ address, interface: own?.name }) : refuse(why, address);
}

type Why = Extract<Failure, { reason: "wrong-address" }>["problem"];

/** Null where others may reach this node there. */
function whyNot(
  address: string,
  own: Card | undefined,
  wishes: AddressWishes,
  cards: readonly Card[],
): Why | null {
  const isNamed = wishes.given !== null || wishes.interface !== null;
  // A name is left to those who resolve it.
  if (!isIPv4(address)) return null;
  // On loopback alone a cluster of one machine is meant, by those who name the address.
  if (isLoopback(address)) return isNamed && isLoopback(wishes.localEnd) ? null : "loopback";
  if (own === undefined) return cards.length > 0 ? "not-ours" : null;
  if (BRIDGES.test(own.name)) return "bridge";
  return own.isOfContainer && !isNamed ? "container" : null;
}

/** 10.77.0.2 (data0, 10000 Mbit/s) */
export const shown = ({ name, address, speed }: Pick<Card, "name" | "address" | "speed">): string =>
  `${address} (${name}${speed === undefined ? "" : `, ${speed} Mbit/s`})`;
