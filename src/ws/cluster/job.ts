import * as z from "zod/mini";
import { askUntil, dashboardHeaders, send } from "../checks/asking.ts";
import type { NodeSettings } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import { dashboardUrl } from "./snapshot.ts";

/** What the dashboard's REST API says of a job (ray/dashboard/modules/job, Ray 2.40 to 2.60). */
const JobInfo = z.object({ status: z.string(), driver_exit_code: z.nullish(z.number()) });
const ANSWER_MS = 10_000;
const COMES = { forMs: 30_000, everyMs: 200 };

const FAILED = ["FAILED", "STOPPED"];

/** As a shell has it, of a code that is negative for a signal; undefined while the job goes on. */
function exitCodeOf(status: string, code: number): number | undefined {
  if (status === "SUCCEEDED") return 0;
  if (!FAILED.includes(status)) return undefined;
  return code < 0 ? 128 - code : code || 1;
}

/** One job of Ray's, asked for at its HEAD's dashboard. */
export function jobAt(driver: Driver, head: NodeSettings, id: string) {
  const ask = async (what: string, sent?: object) => {
    const url = `${dashboardUrl(driver, head)}/api/jobs/${id}${what}`;
    return send(url, ANSWER_MS, dashboardHeaders(driver.token), sent).catch(() => undefined);
  };
  const look = (signal: AbortSignal) =>
    askUntil(
      (answer) => answer !== undefined,
      () => ask(""),
      { ...COMES, signal },
    );
  return {
    /** Waits for the dashboard, which a HEAD that comes back with its state is ALIVE without. */
    askable: async (signal: AbortSignal): Promise<void> => void (await look(signal)),
    /** Its state, and how it ended; undefined where there is no such job, or no answer. */
    state: async (signal: AbortSignal) => {
      const answer = await look(signal);
      if (answer?.status !== 200) return undefined;
      const { status, driver_exit_code: code } = JobInfo.parse(JSON.parse(answer.text));
      return { status, exitCode: exitCodeOf(status, code ?? 0) };
    },
    stop: async (): Promise<void> => void (await ask("/stop", {})),
  };
}
