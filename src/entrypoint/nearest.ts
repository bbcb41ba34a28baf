import leven from "leven";

/** The name of the list that was perhaps meant; null where none is near. */
export function nearestName(name: string, names: readonly string[]): string | null {
  const ranked = names
    .map((each) => ({ each, distance: leven(each, name) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.each : null;
}
