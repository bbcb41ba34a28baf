import { describeVariables } from "../../common/environment.ts";
import { VARIABLES } from "../config/variables.ts";

/** The text of --help; its table of variables is the one that the program reads by. */
export const helpText = (version: string): string =>
  `ray-entrypoint ${version}: starts this machine's Ray node as HEAD or WORKER and stays with it.

Usage: entrypoint.js [--dry-run [--json]] [--help] [--version] [-- words for ray start]

  --dry-run  show the configuration, what was found, the decision and the command; start nothing, take no lease
  --json     with --dry-run: the same as JSON
  --help     this text
  --version  the version of this program

Environment (times in seconds, decimals allowed):
${describeVariables(VARIABLES)}

Every other variable, RAY_* among them, reaches Ray untouched.
Exit codes: 0 stopped as asked, 69 pip failed, 70 too many restarts, 71 no guard, 74 the kept state cannot be used,
  75 no HEAD or health service, or not ready, in time, 78 wrong configuration, 126 ray not executable, 127 no ray, 128+n ended by signal n,
  otherwise Ray's own.
`;
