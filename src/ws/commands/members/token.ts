import { type Command, InvalidArgumentError, Option } from "commander";
import type { TokenMade } from "../../../common/protocol/admin-protocol.ts";
import { ok } from "../../../common/result.ts";
import { loadSettings } from "../../config/load.ts";
import { type GlobalOptions, type WsContext, withJob } from "../../context.ts";
import { type Attempt, EXIT, interrupted } from "../../failure.ts";
import { makeToken, revokeTokens, rotateRayToken } from "../../machine/service.ts";
import { printJson, printLines } from "../../output/terminal.ts";
import { readMachine } from "../../state/machine.ts";
import { agrees, JSON_OPTION, type JsonOption, type Run, spanMs } from "../command.ts";

export const TOKEN_EXPIRES_S = 3600;

export const addToken = (program: Command, run: Run) =>
  program
    .command("token")
    .description(
      "print a line with which another machine joins, end those that were printed, or renew Ray's own token",
    )
    .option("--expires <time>", "until when it is good: 30m, 24h, 7d", span, TOKEN_EXPIRES_S)
    .option("--once", "for one machine alone")
    .option("--replace <name>", "for the machine of that name, whose member is silent; once")
    .addOption(
      new Option("--revoke", "end every join token; members stay").conflicts([
        "expires",
        "once",
        "replace",
        "carrier",
      ]),
    )
    .option("--carrier", "also for a machine that has nothing but Docker: makes the carrier image")
    .addOption(
      new Option(
        "--rotate",
        "make anew what removed machines know: Ray's token, the CAs, join tokens; all members restart their Ray",
      ).conflicts([...["expires", "once", "replace", "revoke", "carrier"]]),
    )
    .option("-y, --yes", "with --rotate: without asking")
    .option(...JSON_OPTION)
    .action(run((context, options: TokenOptions) => (options.rotate ? rotate : token)(context, options)));

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
  readonly carrier?: true;
  readonly rotate?: true;
  readonly yes?: true;
}

async function rotate(context: WsContext, { stateDir, yes, json }: TokenOptions) {
  const { terminal, signal } = context;
  terminal.err(
    "→ Each machine restarts its Ray, the HEAD first: tasks that run now end, and so do jobs and actors that Ray does not restart\n",
  );
  const agreed = yes || (await agrees(context));
  if (signal.aborted) return interrupted(signal);
  if (!agreed) return { reason: "not-rotated" } as const;
  const made = await rotateRayToken(stateDir);
  if (!made.ok) return made.error;
  if (json) printJson(terminal.out, made.value);
  else
    printLines(terminal.out, [
      "✓ Ray has another token, and the cluster another CA: whoever knows only the old ones cannot use the cluster once the HEAD has restarted",
      "→ The join tokens made until now have ended; for another one: ./ws token",
      '→ To see when all are back: ./ws ps. For a shell that had the old one: eval "$(./ws env)"',
    ]);
  return EXIT.ok;
}

async function token(context: WsContext, options: TokenOptions) {
  const { out } = context.terminal;
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
  const carried = options.carrier ? await carry(context, options, made.value.token) : ok([]);
  if (!carried.ok) return carried.error;
  const { value: commands } = carried;
  if (json) printJson(out, options.carrier ? { ...made.value, commands } : made.value);
  else printLines(out, [...joinLines(made.value, asked.once), ...shown(commands)]);
  return EXIT.ok;
}

/** The two commands for a machine without a checkout, when all that they need is here. */
async function carry(context: WsContext, options: TokenOptions, word: string): Attempt<string[]> {
  const { carrierLines, makeCarrier } = await import("../../machine/carrier.ts");
  const settings = loadSettings(context, options);
  if (!settings.ok) return settings;
  const machine = readMachine(options.stateDir);
  if (!machine.ok) return machine;
  const base = machine.value?.image ?? settings.value.memberNode.base.image;
  const image = await withJob(context, (job) => makeCarrier(context, options, job));
  return image.ok ? carrierLines(options.stateDir, { word, image: image.value, base }) : image;
}

const shown = (commands: readonly string[]): string[] =>
  commands.length === 0
    ? []
    : ["→ Or, where there is nothing but Docker:", ...commands.map((line) => `  ${line}`)];

/** The line that is typed on another machine, and until when. Pure. */
export const joinLines = ({ token, expiresAt }: TokenMade, once: boolean): string[] => [
  `→ On ${once ? "one other machine, once" : "each other machine"}, until ${expiresAt.slice(0, 16).replace("T", " ")} UTC:`,
  `  ./ws join ${token}`,
];
