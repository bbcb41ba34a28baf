import type { NodeInfo } from "../../../gcs/client.ts";
import { HEALTH_PORT, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../config/settings.ts";
import { allOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { livingNode, mainNames } from "./common.ts";

/** Something that listens on its own address in one network. */
interface Target {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** A node of the same network, which shows that something listens there. */
  readonly neighbour: string;
  /** Nodes of the other network, which must not get there. */
  readonly strangers: readonly string[];
}

/**
 * Whether no packet goes from one network to the other but through published ports. A refusal is an answer from the other
 * side, and says that there is a way; so only ports on which something listens are worth a try.
 */
export async function judgeIsolation(context: CheckContext): Promise<Verdict> {
  const targets = await findTargets(context);
  if (typeof targets === "string") return fails(targets);
  return allOf(await Promise.all(targets.map((target) => judgeTarget(context, target))));
}

/** The HEAD's GCS, the other nodes' raylets and the health service on one side, the test worker's raylet on the other. */
async function findTargets(context: CheckContext): Promise<Target[] | string> {
  const { nodes, health, test } = context.settings;
  const names = mainNames(context);
  const living = await Promise.all(names.map((name) => livingNode(context, name)));
  const worker = await livingNode(context, TEST_WORKER_NAME);
  const missing = [...names.filter((_, i) => living[i] === undefined), ...(worker ? [] : [TEST_WORKER_NAME])];
  const [neighbour] = names;
  if (missing.length > 0 || worker === undefined || neighbour === undefined)
    return `nothing listens that could be dialled: the GCS lists no living ${missing.join(", ")}`;
  const inMain = { neighbour, strangers: [TEST_CLIENT_NAME] };
  const portOf = (node: NodeInfo | undefined, headPort: number) =>
    node?.isHead ? headPort : (node?.port ?? 0);
  return [
    ...nodes.map(({ name, address, headPort }, i) => ({
      ...{ name, address, port: portOf(living[i], headPort) },
      ...inMain,
    })),
    ...(health.enabled ? [{ name: "health", address: health.address, port: HEALTH_PORT, ...inMain }] : []),
    {
      ...{ name: TEST_WORKER_NAME, address: test.worker.address, port: worker.port },
      ...{ neighbour: TEST_CLIENT_NAME, strangers: names },
    },
  ];
}

async function judgeTarget(context: CheckContext, target: Target): Promise<Verdict> {
  const { name, address, port, neighbour, strangers } = target;
  const [near, ...far] = await Promise.all(
    [neighbour, ...strangers].map(async (from) => ({ from, said: await dial(context, from, target) })),
  );
  const listens = near?.said === "connected";
  const crossed = far.filter(({ said }) => !NO_WAY.has(said));
  const what = far.map(({ from, said }) => `${from}: ${said}`).join(", ");
  const control = listens ? "" : `, but nothing listens there: ${neighbour}: ${near?.said}`;
  return verdict(listens && crossed.length === 0, `to ${name} at ${address}:${port} from ${what}${control}`);
}

/** No answer at all, or no way to the address: all else came from the other side. */
const NO_WAY: ReadonlySet<string> = new Set(["timeout", "ENETUNREACH", "EHOSTUNREACH"]);

async function dial(context: CheckContext, from: string, { address, port }: Target): Promise<string> {
  const said = await context.run(from, dialCommand(address, port));
  return said.ok ? said.value.trim() : said.error;
}

/** Prints one word. Python is in every Ray image; most other tools are not. */
export const dialCommand = (host: string, port: number): string[] => [
  "python3",
  "-c",
  `import errno, socket
try:
    socket.create_connection(("${host}", ${port}), timeout=3).close()
    print("connected")
except socket.timeout:
    print("timeout")
except OSError as error:
    print(errno.errorcode.get(error.errno, str(error)))`,
];
