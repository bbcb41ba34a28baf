import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { memberCall, openMemberClient } from "./client.ts";
import type { Membership } from "./membership.ts";

const MEMBER = { ca: "", member: "m", credential: "c", services: ["a", "b", "c"] } as unknown as Membership;

/** What a service answers, and under which term it decides; null: nothing. */
type Kept = { readonly status: number; readonly term?: number } | null;

/** Services by name; and who was given the credential, in order. */
function cluster(services: Record<string, Kept>, more: Partial<Membership> = {}) {
  const told: string[] = [];
  const paths = new Set<string>();
  const call = memberCall(
    () => ({ ...MEMBER, ...more }),
    () => {},
    (_, credential) => (service) => async (_, path) => {
      if (credential !== null) {
        told.push(service);
        paths.add(path);
      }
      const kept = services[service] ?? null;
      if (kept === null) return err("connection refused");
      const { status, term = 0 } = kept;
      const body = JSON.stringify({ decides: term > 0, term });
      // As any HTTP server answers at its root.
      const isOpen = path === "/" || path === "/v1/leader";
      return ok({ status: isOpen ? 200 : status, body, dateMs: Number.NaN });
    },
  );
  return { told, call, paths, services };
}
const STANDS_BY = { status: 503 };

test("the service that decides alone is given the credential, and asked again until it decides no more", async () => {
  const { told, call, services } = cluster({ a: null, b: STANDS_BY, c: { status: 200, term: 1 } });
  for (const _ of "12") expect(await call("PUT", "/v1/head", 1)).toMatchObject({ value: { status: 200 } });
  expect(told.splice(0).join("")).toBe("cc");
  Object.assign(services, { a: { status: 200, term: 2 }, c: STANDS_BY });
  expect(await call("PUT", "/v1/head", 1)).toMatchObject({ value: { status: 200 } });
  expect(told.splice(0).join("")).toBe("ca");
  services.a = null;
  for (const _ of "12") expect(await call("PUT", "/v1/head", 1)).toMatchObject({ ok: false });
  expect(told.join("")).toBe("a");
});

test("of two that decide the one of the higher term is asked", async () => {
  const { told, call } = cluster({ a: { status: 200, term: 1 }, b: { status: 200, term: 2 } });
  await call("PUT", "/v1/head", 1);
  expect(told).toEqual(["b"]);
});

test("the one that decides and cannot keep what it is told is not told twice", async () => {
  const { told, call } = cluster({ a: { status: 503, term: 1 } });
  for (const _ of "12") expect(await call("PUT", "/v1/head", 1)).toMatchObject({ value: { status: 503 } });
  expect(told).toEqual(["a", "a"]);
});

test("the service is told of the highest term that this member has heard of, with the proof", async () => {
  const heard = { term: 2, leader: "gpu02:8443", proof: "p-1_" };
  const { call, paths } = cluster({ c: { status: 200, term: 1 } }, heard);
  await call("PUT", "/v1/head", 1);
  expect([...paths]).toEqual(["/v1/head?heard=2@gpu02%3A8443&proof=p-1_"]);
});

test.each([401, 403, 404])(
  "a service that answers a member %d keeps a lease all the same",
  async (status) => {
    const { call } = cluster({ a: { status, term: 1 } });
    expect(await openMemberClient(call).look(1000)).toMatchObject({ kind: "down" });
  },
);
