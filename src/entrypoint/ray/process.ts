import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Address } from "../../common/address.ts";
import { pause } from "../../common/deadline.ts";
import type { Failure } from "../../common/failure.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { becoming } from "../config/become.ts";
import type { Event } from "../output/event.ts";
import { relay } from "../output/said.ts";
import type { Command } from "./command.ts";
import { inspectorOf } from "./inspect.ts";
import type { Exit, RayProcess } from "./ray.ts";
import { clearSession, rayNamesIn, signalProcess } from "./session-processes.ts";

type Said = Extract<Event, { type: "said" }>;

const LAST_WORDS_MS = 200;
const LOOK_EVERY_MS = 50;

/** Starts a command as the leader of a new session; its output goes to our log, or directly to our output. */
export async function launch(
  command: Command,
  log: (event: Said) => void,
): Promise<Result<RayProcess, Failure>> {
  const { speaksAs: by } = command;
  try {
    const child = start(command);
    const outputs = [child.stdout, child.stderr].filter((each) => each !== null);
    const silent = outputs.map((each) => relay(each, (line) => by && log({ type: "said", by, line })));
    await once(child, "spawn");
    return ok(new Launched(child, Promise.all(silent)));
  } catch (error) {
    return err(explain(command.file, error as NodeJS.ErrnoException));
  }
}

/** Throws at once for some errors (EPERM where root may not become another user) and emits the others. */
function start({ file, args, env, user, speaksAs }: Command): ChildProcess {
  const output = speaksAs === null ? "inherit" : "pipe";
  const [program = file, ...words] = becoming(user, [file, ...args]);
  return spawn(program, words, {
    env,
    // Ray's workers leave the process group but not the session: it is what holds all of a node together.
    detached: true,
    stdio: ["ignore", output, output],
    ...(user !== null && existsSync(user.home) ? { cwd: user.home } : {}),
  });
}

function explain(file: string, error: NodeJS.ErrnoException): Failure {
  return error.code === "ENOENT"
    ? { reason: "ray-not-found", path: file }
    : { reason: "ray-not-executable", file, code: error.code ?? error.message };
}

/**
 * One `ray start --block` and all that it starts.
 *
 *   running ──terminate()──▶ stopping ──▶ exited ──clear()──▶ nothing of its session lives
 */
class Launched implements RayProcess {
  readonly exited: Promise<Exit>;
  readonly session: number;
  #state: "running" | "stopping" | "exited" = "running";

  /** `child` is running and leads its own session; `silent` resolves when all of its output was read. */
  constructor(child: ChildProcess, silent: Promise<unknown>) {
    this.session = child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#state = "exited";
        // Its last output comes before our message about its end, unless a child of it keeps the output open.
        void Promise.race([silent, pause(LAST_WORDS_MS)]).then(() => resolve({ code, signal }));
      });
    });
  }

  async nodeId(onGcs: (address: Address | undefined) => void, stop: AbortSignal): Promise<string | null> {
    do {
      const { gcs, nodeId } = rayNamesIn(this.session);
      if (gcs !== undefined || nodeId !== undefined) onGcs(gcs);
      if (nodeId !== undefined) return nodeId;
    } while (await pause(LOOK_EVERY_MS, stop));
    return null;
  }

  readonly inspector: RayProcess["inspector"] = (node) => inspectorOf(this.session, node);

  /** SIGTERM to `ray start` alone: a signal to the group would end the GCS that its drain needs (docs/faults.md 1.3). */
  terminate(): void {
    if (this.#state !== "running") return;
    this.#state = "stopping";
    signalProcess(this.session, "SIGTERM");
  }

  readonly clear: RayProcess["clear"] = (timeoutMs) => clearSession(this.session, timeoutMs);
}
