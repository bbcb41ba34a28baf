import { request } from "undici";
import * as z from "zod";
import { deadlineIn, pause } from "../../common/deadline.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { dashboardHeaders } from "./http.ts";

const TIMEOUT_MS = 90_000;
const LOOK_EVERY_MS = 500;
const REQUEST_MS = 15_000;

const Submitted = z.object({ submission_id: z.string() });
const Status = z.object({ status: z.string(), message: z.string().nullish() });
const Logs = z.object({ logs: z.string() });

export interface JobOutcome {
  readonly id: string;
  /** Ray's word: SUCCEEDED, FAILED, STOPPED. */
  readonly status: string;
  readonly output: string;
}

export interface JobOptions {
  /** Aborted: the wait ends; the job goes on. */
  readonly signal: AbortSignal;
  readonly token: string | null;
}

/** Submits a job through the dashboard's REST API and waits for its end (ray/dashboard/modules/job, Ray 2.40 to 2.60). */
export async function runJob(
  dashboardUrl: string,
  entrypoint: string,
  options: JobOptions,
): Promise<Result<JobOutcome, string>> {
  const jobs = `${dashboardUrl}/api/jobs/`;
  const submitted = await ask(jobs, Submitted, options, { entrypoint });
  if (!submitted.ok) return submitted;
  const id = submitted.value.submission_id;
  const deadline = deadlineIn(TIMEOUT_MS);
  for (;;) {
    const job = await ask(`${jobs}${id}`, Status, options);
    if (!job.ok) return job;
    if (["SUCCEEDED", "FAILED", "STOPPED"].includes(job.value.status)) {
      const logs = await ask(`${jobs}${id}/logs`, Logs, options);
      return ok({ id, status: job.value.status, output: logs.ok ? logs.value.logs : logs.error });
    }
    if (deadline.expired()) return err(`${id} is ${job.value.status} after ${TIMEOUT_MS / 1000} s`);
    if (!(await pause(LOOK_EVERY_MS, options.signal))) return err(`${id}: interrupted`);
  }
}

async function ask<T>(
  url: string,
  schema: z.ZodType<T>,
  { token }: JobOptions,
  body?: object,
): Promise<Result<T, string>> {
  const signal = AbortSignal.timeout(REQUEST_MS);
  const headers = {
    ...dashboardHeaders(token),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const sent =
    body === undefined
      ? { signal, headers }
      : { signal, headers, method: "POST" as const, body: JSON.stringify(body) };
  try {
    const answer = await request(url, sent);
    const text = await answer.body.text();
    if (answer.statusCode !== 200) return err(`${url}: ${answer.statusCode} ${text.slice(0, 200)}`);
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? ok(parsed.data) : err(`${url}: not the answer we know: ${text.slice(0, 200)}`);
  } catch (error) {
    return err(`${url}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
