import * as z from "zod/mini";
import { Count } from "../protocol/from-outside.ts";
import { attempt, err, ok, type Result } from "../result.ts";
import type { Answer, Call } from "./http.ts";

/** What a service that only copies another one answers. */
export const STANDBY = 503;

/**
 * The service of a cluster that decides, of several the one of the highest term: each is asked at once, and no secret is sent. The
 * error says what the services answered. `at`: makes requests to a service.
 */
export async function findLeader(
  services: readonly string[],
  at: (service: string) => Call,
  timeoutMs: number,
): Promise<Result<string, string[]>> {
  const asking = services.map(async (service) => ({
    service,
    answer: await at(service)("GET", "/v1/leader", timeoutMs),
  }));
  const all = await Promise.all(asking);
  const [first] = all
    .flatMap(({ service, answer }) => ({ service, term: answer.ok ? termIn(answer.value) : undefined }))
    .filter(({ term }) => term !== undefined)
    .toSorted((a, b) => (b.term ?? 0) - (a.term ?? 0));
  if (first !== undefined) return ok(first.service);
  return err(all.map(({ service, answer }) => (answer.ok ? whyNot(service, answer.value) : answer.error)));
}

/** Of one that decides; undefined of another (admin-protocol.ts has the whole answer). */
const termIn = ({ status, body }: Answer): number | undefined => {
  const claim = z.object({ decides: z.literal(true), term: Count });
  return status === 200 ? attempt(() => z.parse(claim, JSON.parse(body)).term) : undefined;
};

const whyNot = (service: string, { status }: Answer): string =>
  status === 200
    ? `${service}: it stands by for a service that does not answer`
    : `${service}: it answered ${status}`;
