import { join } from "node:path";
import { type Deadline, deadlineIn } from "../../common/deadline.ts";
import { readText } from "../../common/files.ts";
import type { TokenRequest } from "../../common/protocol/admin-protocol.ts";
import { attempt } from "../../common/result.ts";
import { containerName } from "../compose/names.ts";
import { RAY_TOKEN } from "../config/tokens.ts";
import { composeDriver } from "../drivers/compose/driver.ts";
import { endingWith } from "../drivers/compose/engine.ts";
import type { Project } from "../drivers/compose/project.ts";
import type { Driver } from "../drivers/driver.ts";
import { JOIN_TOKEN, type Machine, machineSecrets, writeJoinToken } from "../state/machine.ts";
import { compareBase } from "./base.ts";
import {
  accessOf,
  headsIn,
  isWhole,
  keepForUser,
  keptMembershipIn,
  type Membership,
  membershipIn,
} from "./membership.ts";
import { askService, makeToken } from "./service.ts";

/** Until its end a node of this machine must have started. */
const OWN_TOKEN: TokenRequest = { expiresInS: 600, once: true };

/** Each look for a membership starts a program, and a node that joins needs the processors. */
const LOOK_EVERY_MS = 1000;

/** With what its node keeps of its membership; undefined while it is no member. */
export interface MemberDriver extends Driver {
  readonly membership: () => Promise<Membership | undefined>;
  until(signal: AbortSignal): MemberDriver;
}

/** This machine's part in a cluster of several, as containers. `known`: shared by all that are made of one. */
export function memberDriver(
  project: Project & { readonly settings: { readonly machine: Machine } },
  known: { membership?: Membership | undefined; next?: Deadline } = {},
): MemberDriver {
  const driver = composeDriver(project);
  const { engine, settings, stateDir } = project;
  const { name } = settings.machine;
  const rayToken = join(machineSecrets(stateDir), RAY_TOKEN);
  const readRayToken = () => readText(rayToken)?.trim() ?? null;
  const learn = async () => {
    if (known.membership === undefined || !isWhole(known.membership))
      known.membership = (await membershipIn(engine, containerName(settings, name))) ?? known.membership;
    return known.membership;
  };
  /** Only a machine with a health service can make one itself. */
  const wantsToken = async () => {
    const isEmpty = readText(join(machineSecrets(stateDir), JOIN_TOKEN)) === "";
    if (!isEmpty || settings.machine.advertise === undefined) return false;
    await learn();
    return known.membership === undefined;
  };
  const cluster: NonNullable<Driver["cluster"]> = async ({ isDown = false } = {}) => {
    if (known.next?.expired() !== false) {
      known.next = deadlineIn(LOOK_EVERY_MS);
      await learn();
    }
    if (isDown) known.membership ??= await keptMembershipIn(engine, settings, name);
    const { membership } = known;
    if (membership === undefined) return undefined;
    // It may have been renewed since the last command; a program of this user's reads it there too.
    if (membership.rayToken !== readRayToken()) attempt(() => keepForUser(stateDir, membership));
    const access = accessOf(membership);
    return {
      access,
      ...{ heads: headsIn(membership), token: membership.rayToken, removed: membership.removed },
      tls: driver.tls ?? membership.rayKeys,
      ask: (...asked) => askService(access, ...asked),
    };
  };
  return {
    ...driver,
    membership: learn,
    cluster,
    compareBase: () => compareBase(engine.docker, settings.nodes[0]?.base.image ?? "", cluster),
    // They share the machine's network, and the health service must answer before a node starts: it makes that node's token.
    isolated: false,
    get token() {
      return readRayToken();
    },
    until: (signal) => memberDriver({ ...project, engine: endingWith(engine, signal), signal }, known),
    start: async (request, names, signal) => {
      // The health service of this machine, which runs by now, makes the token of its first member.
      if (names.includes(name) && (await wantsToken())) {
        const made = await makeToken(stateDir, OWN_TOKEN);
        if (!made.ok) return made;
        writeJoinToken(stateDir, made.value.token);
      }
      return driver.start(request, names, signal);
    },
    // With its container the membership goes, which a join that failed gives back.
    remove: async (leaving) => {
      await learn();
      return driver.remove(leaving);
    },
    // A HEAD elsewhere is dialled at its own address; what runs here is the host's.
    hostOf: (place) => (place.address === place.loopbackAddress ? place.address : driver.hostOf(place)),
  };
}
