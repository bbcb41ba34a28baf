import type { Place } from "./place.ts";

/** The state of a host's name service: it answers, fails for now (EAI_AGAIN), or does not answer. */
export type NameService = "well" | "fails" | "hangs";

export type Resolved =
  | { readonly kind: "host"; readonly place: Place }
  | { readonly kind: "unknown" }
  | { readonly kind: "fails" }
  | { readonly kind: "hangs" };

/**
 * The host to which a name leads, as seen from another one. Only the two hosts of one name can tell each other apart.
 */
export class Names {
  readonly #byName: ReadonlyMap<string, readonly Place[]>;

  constructor(places: readonly Place[]) {
    this.#byName = Map.groupBy(places, ({ name }) => name);
  }

  resolve(from: Place, name: string): Resolved {
    if (from.names !== "well") return { kind: from.names };
    const known = (this.#byName.get(name) ?? []).filter((each) => each.exists && each.isNamed);
    const own = known.find((each) => each === from);
    const place = own ?? (from.prefersTwins ? known.at(-1) : known[0]);
    return place === undefined ? { kind: "unknown" } : { kind: "host", place };
  }

  leads(from: Place, to: Place): boolean {
    const resolved = this.resolve(from, to.name);
    return resolved.kind === "host" && resolved.place === to;
  }
}
