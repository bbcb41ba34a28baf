import type { WhitelistEntry } from "../../common/address.ts";
import { RAY_NODES } from "./nodes.ts";
import type { ConfigFile } from "./schema.ts";
import type { Candidate, NodeSettings, Settings } from "./types.ts";

export const RAY_HEAD_PORT = 6379;

/** The services that a user switched off cannot become HEAD, and nobody should wait for them. */
export function enabledCandidates({ nodes: file }: ConfigFile, nodes: readonly NodeSettings[]): Candidate[] {
  const listed: readonly Omit<WhitelistEntry, "mapped">[] =
    file.head_whitelist ?? nodes.map(({ name }) => ({ name, host: name, port: undefined }));
  const explicit = file.head_address;
  // With an explicit HEAD nobody is elected, and the entrypoint still wants one name.
  if (listed.length === 0 && explicit !== undefined) return [{ name: explicit.host, ...explicit }];
  return listed.flatMap(({ name, host, port }) => {
    const node = nodes.find((each) => each.name === name);
    if (node === undefined && RAY_NODES.some((each) => each.name === name)) return [];
    return [{ name, host, port: port ?? node?.headPort ?? RAY_HEAD_PORT }];
  });
}

/** The node that is to become HEAD: the explicit one, else the first candidate among ours; undefined: it is elsewhere. */
export function plannedHead({ nodes, headAddress, candidates }: Settings): string | undefined {
  const wanted = headAddress === undefined ? candidates.map(({ name }) => name) : [headAddress.host];
  return wanted.find((name) => nodes.some((node) => node.name === name));
}
