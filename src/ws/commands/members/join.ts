import { hostname } from "node:os";
import type { Command } from "commander";
import { parseJoinToken } from "../../../common/protocol/join-token.ts";
import { err } from "../../../common/result.ts";
import type { GlobalOptions, WsContext } from "../../context.ts";
import { EXIT, type WsFailure } from "../../failure.ts";
import { becomeMember, oneAtATime } from "../../machine/become.ts";
import type { Machine } from "../../state/machine.ts";
import { type Run, timeoutOption } from "../command.ts";

export const addJoin = (program: Command, run: Run) =>
  program
    .command("join")
    .description("make this machine a member of a cluster of several")
    .argument("<token>", "what ws init or ws token printed; - reads it from standard input")
    .option("--candidate", "it may become HEAD")
    .option(
      "--interface <name>",
      "the network card that its node uses (default: the one that faces the health service)",
    )
    .option("--image <base>", "the Ray image (default: config.yaml's)")
    .addOption(timeoutOption())
    .action(run(join));

interface JoinOptions extends GlobalOptions {
  readonly candidate?: true;
  readonly interface?: string;
  readonly image?: string;
  readonly timeout: number;
}

async function join(
  context: WsContext,
  options: JoinOptions,
  { args: [given = ""] }: Pick<Command, "args">,
): Promise<number | WsFailure> {
  const word = given === "-" ? await context.input() : given;
  const token = parseJoinToken(word);
  if (!token.ok) return { reason: "bad-join-token", why: token.error };
  const machine = {
    ...{ name: hostname(), candidate: options.candidate === true },
    ...{ interface: options.interface, image: options.image },
  };
  const joining = { word: word.trim(), token: token.value };
  const became = await oneAtATime(context, options, async (there) =>
    there === undefined ? becomeMember(context, options, machine, joining) : err(joinedAlready(there)),
  );
  if (!became.ok) return became.error;
  context.terminal.out(`✓ ${machine.name} is a member of the cluster\n`);
  return EXIT.ok;
}

const joinedAlready = ({ name }: Machine) =>
  ({
    reason: "other-cluster",
    what: `joined a cluster as ${name}`,
    fix: "To start what is configured: ./ws up. To leave that cluster: ./ws leave.",
  }) as const;
