import type { LeaseRequest } from "../../common/lease-protocol.ts";

/** Another life of the holder's node that asks for the lease: the node restarted, or two nodes have one name. */
export interface Namesake {
  readonly life: string;
  readonly address: string;
  /** How often the holder renewed since this life first asked. */
  readonly renewals: number;
  readonly askedAtMs: number;
}

interface WithNamesakes {
  readonly namesakes: readonly Namesake[];
}

/** More lives than that under one name are a crash loop; the oldest are forgotten. */
const MOST_NAMESAKES = 16;

/** One renewal may have been under way when the old life died; a dead life never sends a second one. */
const PROOF_OF_LIFE = 2;

/** True when the holder has shown that it lives beside `life`. */
export function isDuplicate(namesakes: readonly Namesake[], life: string): boolean {
  return namesakes.some((each) => each.life === life && each.renewals >= PROOF_OF_LIFE);
}

/** Notes that a namesake asks; the count of renewals since its first word goes on. The latest asker stands last. */
export function noteNamesake<S extends WithNamesakes>(state: S, nowMs: number, request: LeaseRequest): S {
  const { life, address } = request;
  const known = state.namesakes.find((each) => each.life === life);
  const others = state.namesakes.filter((each) => each.life !== life).slice(1 - MOST_NAMESAKES);
  const namesake = { life, address, renewals: known?.renewals ?? 0, askedAtMs: nowMs };
  return { ...state, namesakes: [...others, namesake] };
}

/** Counts one renewal of the holder for every namesake. */
export function renewedOnceMore<S extends WithNamesakes>(state: S): S {
  if (state.namesakes.length === 0) return state;
  return {
    ...state,
    namesakes: state.namesakes.map((each) => ({ ...each, renewals: each.renewals + 1 })),
  };
}

/** Forgets the namesakes that have not asked for `forgetAfterMs`. */
export function pruned<S extends WithNamesakes>(state: S, nowMs: number, forgetAfterMs: number): S {
  if (state.namesakes.every((each) => nowMs - each.askedAtMs < forgetAfterMs)) return state;
  return {
    ...state,
    namesakes: state.namesakes.filter((each) => nowMs - each.askedAtMs < forgetAfterMs),
  };
}
