import type { Problem } from "../../common/failure.ts";
import type { Settings } from "../config/settings.ts";
import { labelFilters } from "../drivers/compose/containers.ts";
import type { RunCommand } from "../drivers/compose/engine.ts";

/** Containers and volumes of an earlier membership, whose folder is gone: they are not ours to remove, and are in the way. */
export async function leftOver(docker: RunCommand, settings: Settings, stateDir: string): Promise<Problem[]> {
  const list = async (...words: string[]) => {
    const listed = await docker([...words, ...labelFilters(settings)]);
    return listed.ok ? listed.value.split("\n").filter(Boolean) : [];
  };
  const [containers, volumes] = await Promise.all([
    list("ps", "--all", "--format", "{{.Names}}"),
    list("volume", "ls", "--quiet"),
  ]);
  if (containers.length + volumes.length === 0) return [];
  const removing = [
    ...(containers.length > 0 ? [`docker rm --force ${containers.join(" ")}`] : []),
    ...(volumes.length > 0 ? [`docker volume rm ${volumes.join(" ")}`] : []),
  ];
  return [
    {
      where: "An earlier membership",
      problem: `the engine still has ${[...containers, ...volumes].join(", ")}, of which ${stateDir} knows nothing`,
      fix: `Name the folder that does (--state), or remove them: ${removing.join("; ")}`,
    },
  ];
}
