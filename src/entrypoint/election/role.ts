import type { Address } from "../../common/address.ts";

/** What the role is and, for a WORKER, whom it joins. */
export type Role =
  /** `byOrder`: no lease tells whether another node has led since. */
  { readonly role: "head"; readonly byOrder?: boolean } | { readonly role: "worker"; readonly head: Address };
