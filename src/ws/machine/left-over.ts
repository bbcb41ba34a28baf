import type { Problem } from "../../common/failure.ts";
import type { MemberOpened } from "../drivers/choose.ts";
import { labelFilters } from "../drivers/compose/containers.ts";

/** Containers and volumes of an earlier membership, whose folder is gone: they are not ours to remove, and are in the way. */
export async function leftOver({ driver, engine, settings }: MemberOpened): Promise<Problem[]> {
  const [found, listed] = await Promise.all([
    driver.list(),
    engine.docker(["volume", "ls", "--quiet", ...labelFilters(settings)]),
  ]);
  const containers = found.ok ? found.value.flatMap(({ container }) => container?.name ?? []) : [];
  const volumes = listed.ok ? listed.value.split("\n").filter(Boolean) : [];
  if (containers.length + volumes.length === 0) return [];
  const removing = [
    ...(containers.length > 0 ? [`docker rm --force ${containers.join(" ")}`] : []),
    ...(volumes.length > 0 ? [`docker volume rm ${volumes.join(" ")}`] : []),
  ];
  return [
    {
      where: "An earlier membership",
      problem: `the engine still has ${[...containers, ...volumes].join(", ")}, of which ${driver.stateDir} knows nothing`,
      fix: `Name the folder that does (--state), or remove them: ${removing.join("; ")}`,
    },
  ];
}
