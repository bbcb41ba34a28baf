import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../../common/address.ts";
import { authIn } from "../../../common/auth-token.ts";
import type { Problem } from "../../../common/failure.ts";
import { err, ok, type Result } from "../../../common/result.ts";
import { readTls, type TlsKeys } from "../../../gcs/tls.ts";
import type { Sight } from "../../cluster-view.ts";
import { type HostPlan, planHost } from "../../compose/host-plan.ts";
import { COMPOSE_FILE, composeProject, type Part, TEST_COMPOSE_FILE } from "../../compose/names.ts";
import { readHostFacts } from "../../compose/read-host.ts";
import type { WsFailure } from "../../failure.ts";
import { HEALTH_NAME, type Settings, TEST_CLIENT_NAME, TEST_WORKER_NAME } from "../../settings.ts";
import { secretsFile } from "../secrets.ts";
import type { Container } from "./containers.ts";
import type { CommandOptions, Engine, Refusal } from "./engine.ts";
import { sourceVariables } from "./image-source.ts";

/** What the Docker runtime was given. */
export interface DockerInput {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** config.yaml, beside which the compose files are written. */
  readonly configFile: string;
  readonly configFolder: string;
  /** The checkout, from which the images are built. */
  readonly root: string;
  readonly stateDir: string;
  readonly engine: Engine;
  /** project.name when this cluster was started, if it has changed since. */
  readonly formerProject?: string | undefined;
}

/** One cluster of containers: where its things are, and how it is asked. */
export interface DockerCluster extends DockerInput {
  readonly projectName: string;
  readonly state: string;
  /** Where published ports are reached from here. */
  readonly here: string;
  readonly healthUrl: string;
  /** Addresses where a HEAD of this cluster can be, as seen from here. Another cluster may answer there. */
  readonly headAddresses: readonly Address[];
  readonly token: string | null;
  /** Ray's TLS keys, if the environment turns TLS on. */
  readonly tls: TlsKeys | undefined;
}

/** Puts together what every operation on the cluster needs. */
export function openDockerCluster(input: DockerInput): DockerCluster {
  const { settings, env, stateDir, engine } = input;
  const here = engine.host;
  const { headAddress, health, nodes } = settings;
  const elsewhere =
    headAddress !== undefined && nodes.every(({ name }) => name !== headAddress.host) ? [headAddress] : [];
  return {
    ...input,
    projectName: settings.projectName,
    state: join(stateDir, "docker"),
    here,
    healthUrl: health.externalUrl ?? `http://${here}:${health.port}`,
    headAddresses: [...elsewhere, ...nodes.map(({ headPort }) => ({ host: here, port: headPort }))],
    token: authIn(env, env.HOME || homedir()).token,
    tls: readTls(env),
  };
}

/**
 * Where a HEAD of ours can serve now: on another machine, or at a node whose container runs. If no container of ours
 * publishes the port, another project's cluster may.
 */
export function ownHeads(
  cluster: DockerCluster,
  containers: readonly Pick<Container, "headPort" | "running">[],
): Sight {
  const { here, headAddresses } = cluster;
  const elsewhere = headAddresses.filter(
    (address) => address.host !== here || nodeAt(cluster, address) === undefined,
  );
  const serving = containers.flatMap(({ running, headPort }) =>
    running && headPort !== undefined ? [{ host: here, port: headPort }] : [],
  );
  return { ...cluster, headAddresses: [...elsewhere, ...serving] };
}

/** What the settings become on this machine. */
export function hostPlanOf({ settings, configFile }: DockerInput): Result<HostPlan, WsFailure> {
  const plan = planHost(settings, { ...readHostFacts(), buildContext: "." });
  return plan.ok ? plan : err(badSettings(configFile, plan.error));
}

const badSettings = (file: string, problems: readonly Problem[]): WsFailure => ({
  reason: "bad-settings",
  file,
  problems,
});

/** Every service of one compose file. */
export const servicesOf = ({ settings }: DockerInput, part: Part): string[] =>
  part === "test"
    ? [TEST_WORKER_NAME, TEST_CLIENT_NAME]
    : [...(settings.health.enabled ? [HEALTH_NAME] : []), ...settings.nodes.map(({ name }) => name)];

/** The node that serves a GCS at this address as seen from here. */
export const nodeAt = ({ settings }: Pick<DockerInput, "settings">, { port }: Address) =>
  settings.nodes.find(({ headPort }) => headPort === port);

/**
 * Runs a compose command on ws's own copy of one of the two files; paths in it are relative to the folder of
 * config.yaml.
 */
export const runCompose = (
  { engine, settings, configFolder, root, state, stateDir }: DockerCluster,
  part: Part,
  words: readonly string[],
  options?: CommandOptions,
): Promise<Result<string, Refusal>> => {
  const file = join(state, part === "main" ? COMPOSE_FILE : TEST_COMPOSE_FILE);
  const env = { ...sourceVariables(root), ...options?.env };
  const secrets = secretsFile(stateDir, "docker");
  // Replaces `.env`, which ws has read itself: a cluster keeps what it was started with.
  const envFile = existsSync(secrets) ? ["--env-file", secrets] : [];
  const folder = ["--project-directory", configFolder, ...envFile];
  const place = ["-p", composeProject(settings, part), ...folder, "-f", file];
  return engine.compose([...place, ...words], { ...options, env });
};

/** The engine's refusal as a failure of `ws`. */
export const refused = <T>(
  answer: Result<T, Refusal>,
  causeOf: (lines: readonly string[]) => string | undefined = () => undefined,
): Result<T, WsFailure> =>
  answer.ok
    ? ok(answer.value)
    : err({ reason: "engine-refused", ...answer.error, cause: causeOf(answer.error.lines) });
