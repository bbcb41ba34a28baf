import { hostname, networkInterfaces } from "node:os";
import { type Command, Option } from "commander";
import { err, ok } from "../../../common/result.ts";
import { TLS_PORT } from "../../compose/machine.ts";
import { pickAddress, readRoutes } from "../../compose/read-host.ts";
import type { GlobalOptions, WsContext } from "../../context.ts";
import { type Attempt, EXIT, type WsFailure } from "../../failure.ts";
import { becomeMember, oneAtATime } from "../../machine/become.ts";
import { makeToken } from "../../machine/service.ts";
import { printLines } from "../../output/terminal.ts";
import { type Run, timeoutOption } from "../command.ts";
import { joinLines, TOKEN_EXPIRES_S } from "./token.ts";

export const addInit = (program: Command, run: Run) =>
  program
    .command("init")
    .description(
      "make this machine the first one of a cluster of several, and print the line that others join with",
    )
    .addOption(new Option("--interface <name>", "the network card that the cluster uses").conflicts("ip"))
    .option("--ip <address>", "or this machine's address in that network")
    .option("--image <base>", "the Ray image (default: config.yaml's)")
    .option(
      "--no-ray-tls",
      "Ray's own traffic in clear: faster, for a network that nobody else can listen to",
    )
    .addOption(timeoutOption())
    .action(run(init));

interface InitOptions extends GlobalOptions {
  readonly interface?: string;
  readonly ip?: string;
  readonly image?: string;
  readonly rayTls: boolean;
  readonly timeout: number;
}

async function init(context: WsContext, options: InitOptions): Promise<number | WsFailure> {
  const { out } = context.terminal;
  const said = await oneAtATime(context, options, async (there) =>
    there === undefined
      ? becomeFirst(context, options)
      : ok(`${there.name} is a member of a cluster of several machines already; nothing was changed`),
  );
  if (!said.ok) return said.error;
  out(`✓ ${said.value}\n`);
  const made = await makeToken(options.stateDir, { expiresInS: TOKEN_EXPIRES_S, once: false });
  if (!made.ok) return made.error;
  printLines(out, joinLines(made.value, false));
  return EXIT.ok;
}

async function becomeFirst(context: WsContext, options: InitOptions): Attempt<string> {
  const at = ownAddress(options);
  if (at === undefined) {
    const asked = options.interface ?? options.ip ?? "";
    return err({ reason: "no-such-interface", asked, known: names() });
  }
  const machine = {
    ...{ name: hostname(), candidate: true, advertise: `${at}:${TLS_PORT}` },
    ...{ interface: options.interface, address: options.ip, image: options.image },
    rayTls: options.rayTls,
  };
  const became = await becomeMember(context, options, machine);
  return became.ok ? ok(`${machine.name} is the first machine of the cluster, at ${at}`) : became;
}

/** The address that others are told of this machine. */
function ownAddress({ interface: card, ip }: Pick<InitOptions, "interface" | "ip">): string | undefined {
  if (card === undefined && ip === undefined) return pickAddress(networkInterfaces(), readRoutes());
  return cards().find(({ name, address }) => name === card || address === ip)?.address;
}

/** The network cards with an IPv4 address. */
const cards = () =>
  Object.entries(networkInterfaces())
    .flatMap(([name, list = []]) => list.map((each) => ({ name, ...each })))
    .filter(({ family }) => family === "IPv4");

const names = () =>
  cards().flatMap(({ name, internal, address }) => (internal ? [] : `${name} (${address})`));
