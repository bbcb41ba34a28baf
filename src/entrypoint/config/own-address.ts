import type { Problem } from "../../common/failure.ts";
import { canBind, describeInterfaces, type OwnInterface } from "./identity.ts";
import type { Values } from "./variables.ts";

type Interfaces = readonly OwnInterface[] | undefined;

/** Reports a NODE_IP_ADDRESS that this machine does not have: Ray would fail with it, as HEAD and as WORKER. */
export function findLostAddress({ NODE_IP_ADDRESS: address }: Values, interfaces: Interfaces): Problem[] {
  if (address === null || canBind(address, interfaces)) return [];
  const problem: Problem = {
    where: "NODE_IP_ADDRESS",
    problem: `expected an address of this machine, got ${address}, which none of its interfaces has`,
    fix: "Behind NAT, give a host name that each side resolves to an address that it can reach.",
  };
  return [withOwnAddresses(problem, interfaces)];
}

/** The fix for a wrong NODE_IP_ADDRESS names the valid values. */
export function withOwnAddresses(problem: Problem, interfaces: Interfaces): Problem {
  if (problem.where !== "NODE_IP_ADDRESS" || interfaces === undefined) return problem;
  const own = describeInterfaces(interfaces) || "none but loopback";
  return { ...problem, fix: `${problem.fix} This machine's addresses: ${own}.` };
}
