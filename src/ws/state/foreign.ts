import { lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../common/result.ts";
import type { WsFailure } from "../failure.ts";

/** Who may have made a state folder: we, root, and whose program this is, since they may do anything to us as it is. */
export const trustedOwners = (dist: string) => [process.getuid?.(), 0, attempt(() => statSync(dist).uid)];

/** What is ours below a state folder, and leads to tokens, processes and logs. */
const PARTS = [".", "secrets", "secrets/docker", "secrets/embedded", "embedded", "docker"];

/**
 * A state folder that another user of this machine made, say one in /tmp whose name could be guessed: that user could read
 * the tokens that we keep there, or leave there the tokens and the programs that we use.
 */
export function foreignState(
  stateDir: string,
  trusted: ReturnType<typeof trustedOwners>,
): WsFailure | undefined {
  // Of a link both count: where it leads, and who may turn it.
  for (const folder of PARTS.map((part) => join(stateDir, part)))
    for (const found of [lstatSync, statSync].map((look) => attempt(() => look(folder))))
      if (found !== undefined && !trusted.includes(found.uid))
        return { reason: "unsafe-folder", folder, why: `it belongs to user ${found.uid}` };
  return undefined;
}
