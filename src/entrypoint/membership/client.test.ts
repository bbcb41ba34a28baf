import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { memberCall, openMemberClient } from "./client.ts";
import type { Membership } from "./membership.ts";

const MEMBER = { ca: "", member: "m", credential: "c", services: ["a", "b", "c"] } as unknown as Membership;

/** Services by name: a status, or null for no answer; and who was asked, in order. */
function cluster(services: Record<string, number | null>, more: Partial<Membership> = {}) {
  const asked: string[] = [];
  const paths = new Set<string>();
  const call = memberCall(
    () => ({ ...MEMBER, ...more }),
    () => {},
    () => (service) => async (_, path) => {
      asked.push(service);
      paths.add(path);
      // As any HTTP server answers there.
      const status = path === "/" ? 200 : (services[service] ?? null);
      return status === null ? err("connection refused") : ok({ status, body: "{}", dateMs: Number.NaN });
    },
  );
  return { asked, call, paths, services };
}

test("the service that answered last is asked first, then the next", async () => {
  const { asked, call, services } = cluster({ a: null, b: 503, c: 200 });
  for (const _ of "12") expect(await call("PUT", "/v1/head", 1)).toMatchObject({ value: { status: 200 } });
  expect(asked.splice(0).join("")).toBe("abcc");
  services.c = null;
  services.a = 200;
  await call("PUT", "/v1/head", 1);
  expect(asked.join("")).toBe("ca");
});

test("each service is told of the highest term that this member has heard of", async () => {
  const { call, paths } = cluster({ a: 503, b: 503, c: 200 }, { term: 2, leader: "gpu02:8443" });
  await call("PUT", "/v1/head", 1);
  expect([...paths]).toEqual(["/v1/head?heard=2@gpu02%3A8443"]);
});

test.each([401, 403, 404])(
  "a service that answers a member %d keeps a lease all the same",
  async (status) => {
    const { call } = cluster({ a: status });
    expect(await openMemberClient(call).look(1000)).toMatchObject({ kind: "down" });
  },
);
