import { type Command, InvalidArgumentError, Option } from "commander";
import type { TokenMade } from "../../../common/protocol/admin-protocol.ts";
import type { GlobalOptions, WsContext } from "../../context.ts";
import { EXIT } from "../../failure.ts";
import { makeToken, revokeTokens } from "../../machine/service.ts";
import { printJson, printLines } from "../../output/terminal.ts";
import { JSON_OPTION, type JsonOption, type Run, spanMs } from "../command.ts";

export const TOKEN_EXPIRES_S = 3600;

export const addToken = (program: Command, run: Run) =>
  program
    .command("token")
    .description("print a line with which another machine joins, or end those that were printed")
    .option("--expires <time>", "until when it is good: 30m, 24h, 7d", span, TOKEN_EXPIRES_S)
    .option("--once", "for one machine alone")
    .option("--replace <name>", "for the machine of that name, whose member is silent; once")
    .addOption(
      new Option("--revoke", "end every join token; members stay").conflicts(["expires", "once", "replace"]),
    )
    .option(...JSON_OPTION)
    .action(run(token));

/** In seconds. Throws what Commander shows. */
function span(text: string): number {
  const ms = spanMs(text);
  if (ms !== undefined && ms >= 1000) return ms / 1000;
  throw new InvalidArgumentError(`expected a time such as 30m, 24h or 7d, got "${text}".`);
}

interface TokenOptions extends GlobalOptions, JsonOption {
  readonly expires: number;
  readonly once?: true;
  readonly replace?: string;
  readonly revoke?: true;
}

async function token({ terminal: { out } }: WsContext, options: TokenOptions) {
  const { stateDir, expires: expiresInS, once, replace, revoke, json } = options;
  if (revoke) {
    const ended = await revokeTokens(stateDir);
    if (!ended.ok) return ended.error;
    if (json) printJson(out, ended.value);
    else out(`✓ Join tokens ended: ${ended.value.revoked}; who has joined stays a member\n`);
    return EXIT.ok;
  }
  const asked = { expiresInS, once: once === true || replace !== undefined };
  const made = await makeToken(stateDir, replace === undefined ? asked : { ...asked, replace });
  if (!made.ok) return made.error;
  if (json) printJson(out, made.value);
  else printLines(out, joinLines(made.value, asked.once));
  return EXIT.ok;
}

/** The line that is typed on another machine, and until when. Pure. */
export const joinLines = ({ token, expiresAt }: TokenMade, once: boolean): string[] => [
  `→ On ${once ? "one other machine, once" : "each other machine"}, until ${expiresAt.slice(0, 16).replace("T", " ")} UTC:`,
  `  ./ws join ${token}`,
];
