import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { realClock } from "../common/deadline.ts";
import { createLogger } from "../common/logger.ts";
import { probeGcs } from "../gcs/probe.ts";
import { AliveNote } from "./alive-note.ts";
import type { Config } from "./config.ts";
import type { Event } from "./event.ts";
import type { RayUser } from "./facts.ts";
import { type HealthClient, openHealthClient } from "./health-client.ts";
import { LeaseKeeper, type LeaseKeeperSettings } from "./lease-keeper.ts";
import { StatusKeeper } from "./node-status.ts";
import { NoteFile } from "./note-file.ts";
import { Presence, type PresenceSettings } from "./presence.ts";
import type { Probes } from "./probes/collect.ts";
import { render } from "./render.ts";
import { NO_SERVICE, sparing } from "./without-lease.ts";

/** What a node speaks and listens with. */
export interface Wiring {
  readonly log: (event: Event) => void;
  /** Names this run of this process, so that the health service can tell a restart from a namesake. */
  readonly life: string;
  readonly health: HealthClient;
  readonly probes: Probes;
  readonly lease: LeaseKeeper;
  readonly presence: Presence;
  readonly alive: AliveNote;
}

export type Hearers = Pick<LeaseKeeperSettings, "onRenewed" | "onDeposed"> &
  Pick<PresenceSettings, "onDuplicate" | "onNamesake">;

/**
 * Makes the real clients. `user`: the user that root becomes for Ray. `write` receives the log in whole lines.
 * Nothing is sent before a client is used.
 */
export function wire(
  config: Config,
  user: RayUser | null,
  write: (text: string) => void,
  hearers: Hearers,
): Wiring {
  const { values } = config;
  const logger = createLogger<Event>({ form: values.RAY_EP_LOG, write, render, now: () => new Date() });
  const status = new StatusKeeper(config.node, __VERSION__, new NoteFile(values.RAY_EP_STATUS_FILE, user));
  const log = (event: Event): void => {
    logger.log(event);
    status.hear(event);
  };
  const { HEALTH_URL: url } = values;
  const health = url === null ? NO_SERVICE : sparing(openHealthClient(url, config.healthToken), realClock);
  const each = { clock: realClock, config, client: health, life: randomWord(), ...hearers };
  const lease = new LeaseKeeper({
    ...each,
    onChange: (ok, cause) => log({ type: "lease-renewal", ok, cause }),
  });
  return {
    log,
    life: each.life,
    health,
    probes: {
      // A turn of the event loop later, so that a HEAD works at its answer while this process puts its request together.
      health: { look: (timeoutMs) => nextTurn().then(() => health.look(timeoutMs)) },
      head: (address, timeoutMs) =>
        probeGcs(address, { token: config.auth.token, tls: config.tls, timeoutMs }),
    },
    lease,
    presence: new Presence({ ...each, epochs: lease, status: () => status.current }),
    alive: new AliveNote(values.RAY_EP_ALIVE_FILE, values.RAY_EP_WATCH_INTERVAL, user),
  };
}

/** From the kernel itself (random(4)): loading node:crypto takes a tenth of a decision. Other systems have no such file. */
function randomWord(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/uuid", "latin1").trim();
  } catch {
    return crypto.randomUUID();
  }
}
