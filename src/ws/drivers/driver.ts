import type { Address } from "../../common/address.ts";
import type { Environment } from "../../common/environment.ts";
import type { Problem } from "../../common/failure.ts";
import type { Answer } from "../../common/net/http.ts";
import type { Result } from "../../common/result.ts";
import type { GcsOptions } from "../../gcs/link.ts";
import { readTls, type TlsKeys } from "../../gcs/tls.ts";
import type { Part } from "../compose/names.ts";
import {
  HEALTH_NAME,
  type Placement,
  type Settings,
  TEST_CLIENT_NAME,
  TEST_WORKER_NAME,
} from "../config/settings.ts";
import type { Secrets } from "../config/tokens.ts";
import type { Attempt } from "../failure.ts";
import type { Access } from "../machine/service.ts";
import type { Job } from "../output/progress.ts";
import type { LogLine, LogRequest } from "./log-files.ts";
import type { Program } from "./run-program.ts";
import type { Service } from "./service.ts";

export const RUNTIMES = ["docker", "embedded"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** What is to run: the cluster itself, or the test worker and client, which are told a HEAD. */
export interface Request {
  readonly part: Part;
  readonly head: Address;
  readonly build: boolean;
}

export interface Survey {
  /** The part's services that exist. */
  readonly there: readonly Service[];
  /** Services that run and must be replaced: why, by name. */
  readonly changed: ReadonlyMap<string, string>;
  /** Images that must be built: why, by service. */
  readonly stale: ReadonlyMap<string, string>;
  /** A cluster that must be gone as a whole before: one under an earlier project.name, or this one in another subnet. */
  readonly replaces: Driver | undefined;
  /** Parts of config.yaml that this machine cannot provide in full. */
  readonly warnings: readonly Problem[];
}

export interface Leaving {
  readonly part?: Part;
  /** Only these, and the part's network if nothing else is in it; undefined: everything, whoever made it. */
  readonly names?: readonly string[];
  /** And what is kept. */
  readonly volumes?: boolean;
}

/** Something of this cluster that `ws down` keeps, and the command that removes it. */
export interface Kept {
  readonly what: string;
  readonly remove: string;
}

/** How a command is typed in a service's place. */
interface Typing {
  /** Our standard input and output are a terminal. */
  readonly terminal?: boolean;
  /** A folder of this machine in a copy of which it runs; undefined: wherever one is there. */
  readonly folder?: string;
}

interface ClusterAccess {
  /** How this member reaches its health services. */
  readonly access: Access;
  /** Where those serve that may be HEAD. */
  readonly heads: readonly Address[];
  /** Ray's. */
  readonly token: string;
  /** What this machine presents and trusts where Ray speaks TLS. */
  readonly tls: TlsKeys | undefined;
  /** Set: this machine was removed from it, in the words of its health service. */
  readonly removed: string | undefined;
  /** Asks the health service that decides; the error says in one line why none answers. */
  ask(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Result<Answer, string>>;
}

/** How services are run: as containers (compose/) or as processes (local/). What is done when stands in `cluster/`. */
export interface Driver extends GcsOptions {
  readonly name: RuntimeName;
  readonly settings: Settings;
  /** With the paths of this cluster's secrets. */
  readonly env: Environment;
  readonly secrets: Secrets;
  readonly stateDir: string;
  readonly noun: "container" | "process";
  /** Its nodes have users and networks of their own; false: they share this machine's. */
  readonly isolated: boolean;
  /** How often all services can be looked at without taking the machine from those that start. */
  readonly lookEveryMs: number;
  /** How long a service that is asked to stop may finish its work. */
  readonly stopGraceMs: number;
  /** The folder that holds `ray` and stands in a node's PATH. */
  readonly binDir: string;

  /** The same driver, whose questions end when `signal` is aborted. Not for cleaning up, which comes after that. */
  until(signal: AbortSignal): Driver;
  list(part?: Part): Attempt<Service[]>;
  /** What a start would meet; fails where something that is not ours is in the way. Changes nothing. */
  survey(request: Request): Attempt<Survey>;
  /** Gets what takes minutes: images, or Ray from PyPI. */
  prepare(request: Request, survey: Pick<Survey, "stale">, job: Job): Attempt;
  /** Makes everything that a part needs, and starts nothing. */
  create(request: Request, signal: AbortSignal): Attempt;
  /** Starts those of the part's services that do not run. */
  start(request: Request, names: readonly string[], signal: AbortSignal): Attempt;
  /** Asks them to stop, and returns when they have or `now` is aborted. Returns how many did not and were killed. */
  stop(services: readonly Service[], now: AbortSignal): Promise<number>;
  /** Leaves nothing behind, without asking. Returns what was there, and how many processes had to be killed. */
  remove(leaving: Leaving): Attempt<{ readonly names: readonly string[]; readonly killed: number }>;
  /** Puts aside what a node, which does not run, has kept of its cluster. False where it has kept nothing. */
  resetState(name: string): Attempt<boolean>;
  /** What is left where nothing runs any more. */
  kept(): Promise<readonly Kept[]>;
  /** What a service wrote; nothing where there is no log. `since`: for a log that holds more than one run. */
  log(ref: string, part: Partial<Pick<LogRequest, "tail" | "since">>): Promise<string[]>;
  /** The text of the file in which a node keeps its status, also after its end; empty where there is none. */
  status(ref: string): Promise<string>;
  /** The lines of a service's log, of one that is gone as well; undefined where there is none. */
  readLog(
    name: string,
    found: Pick<Service, "ref"> | undefined,
    request: LogRequest,
    signal: AbortSignal,
  ): AsyncGenerator<LogLine> | undefined;
  /** Keeps the log of a service that is about to be removed, or `instead` where it is gone. Returns the file. */
  keepLog(name: string, found: Pick<Service, "ref"> | undefined, instead?: string): Promise<string>;
  /** Runs a command in a service's place, as a person would type it there. The error is one line. */
  exec(name: string, command: readonly string[]): Promise<Result<string, string>>;
  /** What runs a command in a service's place as Ray's user, with the PATH and tokens that the node's Ray has. */
  typed(name: string, command: readonly string[], how: Typing): Promise<Program>;
  /** The environment of the Ray that runs in a node, read from the process itself: NAME=value, each ended by NUL. */
  environment(name: string): Promise<Result<string, string>>;
  /** What config.yaml gives a node: its environment, and its memory and object store together. */
  expected(
    name: string,
    head: Address,
  ): { readonly environment: Readonly<Record<string, string>>; readonly memoryBytes: number };

  /**
   * Of a cluster of several machines: how it is reached; it answers undefined while this machine is no member yet. `isDown`: also
   * where the node has no container any more, which takes a second.
   */
  readonly cluster?: (how?: { readonly isDown?: boolean }) => Promise<ClusterAccess | undefined>;
  /** Of such a cluster: tells it what this machine's image is made from, and returns what differs from the first member's. */
  readonly compareBase?: () => Promise<readonly Problem[]>;

  /** The host under which this machine reaches a service's ports. */
  hostOf(place: Placement): string;
  /** This machine's addresses at which others reach the nodes' ports, in words. */
  openAt(): string;
  /** An address of config.yaml as the services themselves dial it. */
  inside(address: Address): Address;
  /** What is known of a service that does not exist; without a name: of a node that is not ours. */
  absent(name?: string): Pick<Service, "ref" | "address" | "container">;
}

/** What every driver is given, and how it reaches Ray with that. */
export const accessOf = (given: Pick<Driver, "settings" | "env" | "secrets" | "stateDir">) => {
  const { settings, env, secrets, stateDir } = given;
  return { settings, env, secrets, stateDir, token: secrets.RAY_AUTH_TOKEN ?? null, tls: readTls(env) };
};

/** Every service of one part, in display order. */
export const servicesOf = ({ health, nodes }: Settings, part: Part): string[] =>
  part === "test"
    ? [TEST_WORKER_NAME, TEST_CLIENT_NAME]
    : [...(health.enabled ? [HEALTH_NAME] : []), ...nodes.map(({ name }) => name)];
