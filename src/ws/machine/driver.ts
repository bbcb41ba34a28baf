import { join } from "node:path";
import { readText } from "../../common/files.ts";
import { ADMIN_FILE, CA_FILE, TokenMade, type TokenRequest } from "../../common/protocol/join-protocol.ts";
import { attempt, err, ok } from "../../common/result.ts";
import { TLS_PORT } from "../compose/machine.ts";
import { containerName } from "../compose/names.ts";
import { composeDriver } from "../drivers/compose/driver.ts";
import { endingWith } from "../drivers/compose/engine.ts";
import type { Project } from "../drivers/compose/project.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Attempt } from "../failure.ts";
import { clusterFolder, JOIN_TOKEN, type Machine, machineSecrets, writeJoinToken } from "../state/machine.ts";
import { accessOf, headsIn, type Membership, readMembership } from "./membership.ts";
import { type Access, askService } from "./service.ts";

/** Until its end a node of this machine must have started. */
const OWN_TOKEN: TokenRequest = { expiresInS: 600, once: true };

/** This machine's part in a cluster of several, as containers. `known`: shared by all that are made of one. */
export function memberDriver(
  project: Project & { readonly settings: { readonly machine: Machine } },
  known: { membership?: Membership | undefined } = {},
): Driver {
  const driver = composeDriver(project);
  const { engine, settings, stateDir } = project;
  const { name } = settings.machine;
  return {
    ...driver,
    until: (signal) => memberDriver({ ...project, engine: endingWith(engine, signal), signal }, known),
    start: async (request, names, signal) => {
      // The health service of this machine, which runs by now, makes the token of its first member.
      if (names.includes(name) && readText(join(machineSecrets(stateDir), JOIN_TOKEN)) === "") {
        const made = await makeToken(stateDir, OWN_TOKEN);
        if (!made.ok) return made;
        writeJoinToken(stateDir, made.value.token);
      }
      return driver.start(request, names, signal);
    },
    cluster: async () => {
      known.membership ??= await readMembership(engine, containerName(settings, name));
      const { membership } = known;
      if (membership === undefined) return undefined;
      const access = accessOf(membership);
      return {
        ...{ heads: headsIn(membership), token: membership.rayToken },
        ask: (...asked) => askService(access, ...asked),
      };
    },
  };
}

/** How the health service of this machine is asked by who owns it; undefined where none has been here. */
export function adminAccess(stateDir: string): Access | undefined {
  const [ca, credential] = [CA_FILE, ADMIN_FILE].map((file) =>
    readText(join(clusterFolder(stateDir), file))?.trim(),
  );
  return ca && credential
    ? { services: [`127.0.0.1:${TLS_PORT}`], ca, bearer: credential }
    : undefined;
}

/** A new join token, of the health service that runs here. */
export async function makeToken(stateDir: string, asked: TokenRequest): Attempt<TokenMade> {
  const access = adminAccess(stateDir);
  if (access === undefined) return err({ reason: "no-authority" });
  const answer = await askService(access, "POST", "/v1/tokens", asked);
  const made = answer.ok ? attempt(() => TokenMade.parse(JSON.parse(answer.value.text))) : undefined;
  if (made !== undefined) return ok(made);
  const why = answer.ok ? `${answer.value.status} ${answer.value.text.slice(0, 200)}` : answer.error;
  return err({ reason: "service-refused", what: "no join token was made", why });
}
