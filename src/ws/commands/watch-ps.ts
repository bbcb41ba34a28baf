import { createLogUpdate } from "log-update";
import { pause } from "../../common/deadline.ts";
import { reportCluster, type ServiceReport } from "../cluster/status.ts";
import type { WsContext } from "../context.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT, type WsFailure } from "../failure.ts";
import { renderPs } from "../output/ps-table.ts";
import { oneLine } from "../output/terminal.ts";

const EVERY_MS = 2000;

/** Shows the table until Ctrl-C, redrawn on a terminal; elsewhere a line for each service that changed. */
export async function watchPs(driver: Driver, context: WsContext): Promise<number | WsFailure> {
  const { signal, terminal, interactive } = context;
  const update = interactive && terminal.live ? createLogUpdate(terminal.live) : undefined;
  let shown: readonly string[] = [];
  do {
    const report = await reportCluster(driver.until(signal));
    if (signal.aborted) break;
    if (!report.ok) return report.error;
    update?.(renderPs(report.value));
    const lines = report.value.services.map(lineOf);
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    if (!update)
      for (const line of lines.filter((each) => !shown.includes(each))) terminal.out(`${time}  ${line}\n`);
    shown = lines;
  } while (await pause(EVERY_MS, signal));
  update?.done();
  return EXIT.ok;
}

/** What of a service is no time that goes on. */
function lineOf({ name, role, state, member, news }: ServiceReport): string {
  const { why, restarts = 0 } = member ?? news ?? {};
  const again = restarts === 0 ? "" : `, restarts of Ray: ${restarts}`;
  return oneLine(
    `${name} ${state}${role === null ? "" : ` as ${role}`}${again}${why === undefined ? "" : `: ${why}`}`,
  );
}
