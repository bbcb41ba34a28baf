import type { Failure } from "../../common/failure.ts";
import { createLogger, logForm } from "../../common/output/logger.ts";
import type { RayUser } from "../config/become.ts";
import { StatusKeeper } from "../lease/status-keeper.ts";
import { type Event, render } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import { noteFile } from "./notes.ts";

type Write = (text: string) => void;

/** What a program says that has no checked settings, or not yet. `env`: its environment, as it was given; `node`: its hostname. */
export function lastWords(env: NodeJS.ProcessEnv, node: string) {
  const firstLog = (write: Write): ((event: Event) => void) =>
    createLogger<Event>({ form: logForm(env.RAY_EP_LOG), write, render, now: () => new Date() }).log;

  /** Also in its status; `user`: whose rights that is written with. */
  const sayAlone = (event: Event, write: Write, user: RayUser | null): void => {
    firstLog(write)(event);
    const file = env.RAY_EP_STATUS_FILE?.trim() ?? "";
    if (file.startsWith("/"))
      new StatusKeeper({ node, version: __VERSION__ }, noteFile(file, user)).hear(event);
  };

  /** For a node that could not even begin. Returns the exit code. */
  const refuse = (failure: Failure, isRun = false, user: RayUser | null = null): number => {
    const event: Event = { type: "failed", failure, exitCode: exitCodeOf(failure) };
    const write: Write = (text) => void process.stderr.write(text);
    if (isRun) sayAlone(event, write, user);
    else firstLog(write)(event);
    return event.exitCode;
  };
  return { firstLog, sayAlone, refuse };
}
