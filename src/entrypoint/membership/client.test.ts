import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { memberCall, openMemberClient } from "./client.ts";
import type { Membership } from "./membership.ts";

const MEMBER = { ca: "", member: "m", credential: "c", services: ["a", "b", "c"] } as unknown as Membership;

/** Services by name: a status, or null for no answer; and who was asked, in order. */
function cluster(services: Record<string, number | null>) {
  const asked: string[] = [];
  const call = memberCall(
    () => MEMBER,
    () => {},
    () => (service) => async (_, path) => {
      asked.push(service);
      // As any HTTP server answers there.
      const status = path === "/" ? 200 : (services[service] ?? null);
      return status === null ? err("connection refused") : ok({ status, body: "{}", dateMs: Number.NaN });
    },
  );
  return { asked, call, services };
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

test.each([401, 403, 404])(
  "a service that answers a member %d keeps a lease all the same",
  async (status) => {
    const { call } = cluster({ a: status });
    expect(await openMemberClient(call).look(1000)).toMatchObject({ kind: "down" });
  },
);
