import type { Address } from "../../common/address.ts";

/** What the role is and, for a WORKER, whom it joins. */
export type Role = { readonly role: "head" } | { readonly role: "worker"; readonly head: Address };
