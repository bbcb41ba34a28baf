import type { OwnInterface } from "../config/identity.ts";

/** What a member advertises to Ray, and the interface that has it. */
export interface OwnAddress {
  readonly address: string;
  readonly interface: string;
}

/** The interface that has `address`. Pure. */
export function chooseAddress(address: string, interfaces: readonly OwnInterface[]): OwnAddress {
  return { address, interface: interfaces.find((each) => each.address === address)?.name ?? "unknown" };
}
