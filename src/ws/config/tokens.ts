import { join } from "node:path";
import { machineSecrets } from "../state/machine.ts";
import type { Settings } from "./derive.ts";

/** A cluster's two tokens: the names of their files, and of Compose's secrets. */
export const RAY_TOKEN = "ray_auth_token";
export const HEALTH_TOKEN = "ray_ep_health_token";

/** Their texts, by the variables in which Ray and the health service would take them. */
export type Secrets = Readonly<Partial<Record<"RAY_AUTH_TOKEN" | "RAY_EP_HEALTH_TOKEN", string>>>;

/** The folder of a cluster's tokens, closed to other users. `runtime`: each has its own. */
export const secretsFolder = (stateDir: string, runtime: string): string =>
  join(stateDir, "secrets", runtime);

/** That of a driver's cluster: a machine of several has one of its own. */
export const tokensFolder = (driver: {
  readonly settings: Pick<Settings, "machine">;
  readonly stateDir: string;
  readonly name: string;
}): string =>
  driver.settings.machine ? machineSecrets(driver.stateDir) : secretsFolder(driver.stateDir, driver.name);

/** Where Compose mounts its secrets, each as a file of its own; docker/profile.sh has this path as well. */
export const SECRETS_FOLDER = "/run/secrets";

/** What each program that speaks to Ray is told, a user's too. `folder`: where it finds the tokens' files. Pure. */
export const rayAuth = (auth: Settings["auth"], folder: string): Readonly<Record<string, string>> =>
  auth === "on"
    ? { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: join(folder, RAY_TOKEN) }
    : { RAY_AUTH_MODE: "disabled" };

/** What the health service and those that ask it for the lease are told. Pure. */
export const healthAuth = (folder: string): Readonly<Record<string, string>> => ({
  RAY_EP_HEALTH_TOKEN_FILE: join(folder, HEALTH_TOKEN),
});

/**
 * For a node with an `env_file`, often the `.env` from which `ws` takes the tokens: as a value a token would win over its
 * file, and show in `docker inspect`. Ray and our programs take an empty variable for one that is not there.
 */
export const NO_TEXTS = { RAY_AUTH_TOKEN: "", RAY_EP_HEALTH_TOKEN: "" } as const satisfies Secrets;
