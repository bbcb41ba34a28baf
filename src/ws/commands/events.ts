import type { Command } from "commander";
import { pause } from "../../common/deadline.ts";
import { eventWords } from "../../common/output/event-words.ts";
import type { ClusterEvent } from "../../common/protocol/events-protocol.ts";
import { type CalledEvents, eventsAfter } from "../cluster/history.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import { EXIT } from "../failure.ts";
import { oneLine, type Terminal } from "../output/terminal.ts";
import { JSON_OPTION, type JsonOption, onCluster, type Run, wholeNumber } from "./command.ts";

export const addEvents = (program: Command, run: Run) =>
  program
    .command("events")
    .description("show what happened to the cluster: who joined, led, restarted, fell silent, and why")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --tail <events>", "only the last ones", wholeNumber)
    .option(...JSON_OPTION)
    .action(run(onCluster(showEvents)));

interface EventsOptions extends JsonOption {
  readonly follow?: true;
  readonly tail?: number;
}

const LOOK_EVERY_MS = 1000;

/** One line an event. A service that falls silent while it is followed is asked again. */
async function showEvents({ driver }: Opened, { terminal, signal }: WsContext, options: EventsOptions) {
  const asked = driver.until(signal);
  let isShown = options.tail !== 0;
  // The id of the last one says where to go on.
  let found: CalledEvents = await eventsAfter(asked, 0, isShown ? options.tail : 1);
  if (!found.ok) {
    const fix = "See whether it runs: ws ps. A health service of an earlier version keeps no history.";
    return {
      reason: "not-running",
      what: `The health service does not tell what happened: ${found.error}`,
      fix,
    } as const;
  }
  let lastId = 0;
  do {
    const events: readonly ClusterEvent[] = found.ok ? found.value : [];
    for (const event of isShown ? events : []) write(terminal, event, options);
    isShown = true;
    lastId = events.at(-1)?.id ?? lastId;
    if (!options.follow || !(await pause(LOOK_EVERY_MS, signal))) return EXIT.ok;
    found = await eventsAfter(asked, lastId);
  } while (!signal.aborted);
  return EXIT.ok;
}

function write({ out }: Terminal, event: ClusterEvent, { json }: JsonOption): void {
  const time = `${new Date(event.at).toISOString().slice(0, 19)}Z`;
  out(json ? `${JSON.stringify(event)}\n` : `${oneLine(`${time}  ${event.node} ${eventWords(event)}`)}\n`);
}
