import { homedir } from "node:os";
import type { Address } from "../../../common/address.ts";
import { authIn, authOfRay, readText, withAuthMode } from "../../../common/auth-token.ts";
import { type NodeStatus, parseStatus } from "../../../common/node-status.ts";
import { readTls, type TlsKeys } from "../../../gcs/tls.ts";
import { findHeads, type Sight } from "../../cluster-view.ts";
import type { Settings } from "../../settings.ts";
import { reported } from "../ask-health.ts";
import { type Folders, foldersOf } from "./folders.ts";
import { healthUrl, onLoopback, statusFile } from "./plan.ts";
import { readState, type StartedProcess } from "./state.ts";
import { isRunning } from "./stop.ts";

/** What the embedded runtime was given. */
export interface EmbeddedInput {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that holds everything `ws` keeps. */
  readonly stateDir: string;
  /** Where the virtual environments are. */
  readonly venvDir: string;
  /** The folder of the bundles. */
  readonly dist: string;
}

/** One embedded cluster: where its things are, and how it is asked. */
export interface EmbeddedCluster extends EmbeddedInput {
  readonly folders: Folders;
  readonly healthUrl: string;
  /**
   * Addresses where a HEAD of this cluster can be. Others may answer there, such as a container that publishes the
   * port.
   */
  readonly headAddresses: readonly Address[];
  /** The ones where a HEAD of ours can serve now: on another machine, or at a node whose process runs. */
  ownHeads(): Sight;
  /** The token that the user's environment gives to Ray and to us. */
  readonly token: string | null;
  /** Ray's TLS keys, if the environment turns TLS on. */
  readonly tls: TlsKeys | undefined;
  /** What was started and still lives. */
  running(): StartedProcess[];
  isRunning(started: StartedProcess): boolean;
  /** The name of the node whose GCS answers. */
  headNode(): Promise<string | undefined>;
}

/** Puts together what every operation on the cluster needs. */
export function openCluster(input: EmbeddedInput): EmbeddedCluster {
  const { settings, env, stateDir, venvDir } = input;
  const folders = foldersOf(stateDir, venvDir, process.getuid?.() ?? 0);
  const own = settings.nodes.map((node) => ({ host: node.loopbackAddress, port: node.headPort }));
  const explicit = settings.headAddress === undefined ? [] : [onLoopback(settings, settings.headAddress)];
  const headAddresses = unique([...explicit, ...own]);
  const running = () => readState(folders.stateFile).filter((each) => isRunning(each, folders));
  const auth = authOfRay(authIn(env, env.HOME || homedir()), settings.rayVersion);
  const tls = readTls(env);
  const { token } = auth;
  return {
    ...input,
    env: withoutProxy(withAuthMode(env, auth), addressesOf(settings)),
    folders,
    healthUrl: healthUrl(settings),
    headAddresses,
    token,
    tls,
    running,
    ownHeads: () => {
      const here = settings.nodes.map(({ loopbackAddress }) => loopbackAddress);
      const serving = running().map(({ address }) => address);
      const own = headAddresses.filter(({ host }) => !here.includes(host) || serving.includes(host));
      return { headAddresses: own, token, tls };
    },
    isRunning: (started) => isRunning(started, folders),
    headNode: async () => {
      const [head] = await findHeads({ headAddresses, token, tls });
      return settings.nodes.find(({ loopbackAddress }) => loopbackAddress === head?.address.host)?.name;
    },
  };
}

/** What a node says of itself, also after its end; undefined where it has said nothing. */
export const statusOf = async (
  { folders, healthUrl: url }: EmbeddedCluster,
  name: string,
): Promise<NodeStatus | undefined> =>
  parseStatus(readText(statusFile(folders, name)) ?? "") ?? (await reported(url)).get(name);

const unique = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [`${address.host}:${address.port}`, address])).values(),
];

/** The addresses on which this cluster's services listen. */
const addressesOf = ({ health, nodes, test }: Settings): string[] =>
  [health, ...nodes, test.worker, test.client].map(({ loopbackAddress }) => loopbackAddress);

/** Listed one by one, since not every program supports networks in no_proxy (Python's urllib does not). Pure. */
function withoutProxy(env: EmbeddedInput["env"], addresses: readonly string[]): EmbeddedInput["env"] {
  const given = (env.no_proxy || env.NO_PROXY || "").split(",").filter(Boolean);
  return { ...env, no_proxy: [...given, ...addresses].join(",") };
}
