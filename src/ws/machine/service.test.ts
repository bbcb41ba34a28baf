import { expect, test } from "vitest";
import { err, ok } from "../../common/result.ts";
import { describeFailure } from "../failure.ts";
import { whyNot } from "./service.ts";

const said = (status: number, body: object | string) =>
  ok({ status, body: typeof body === "string" ? body : JSON.stringify(body), dateMs: 0 });
const standby = { reason: "standby", message: "m", services: [], leader: "10.77.0.1:8443" };

test.each<[string, Parameters<typeof whyNot>[1], string]>([
  [
    "a standby",
    said(503, { ...standby, on: "m1" }),
    "✗ The health service of this machine stands by, and did not end it: the one on m1 at 10.77.0.1:8443 decides\n→ Type it on m1. If that machine is lost for good: ws promote, here.",
  ],
  ["one that does not know whose", said(503, standby), "→ Type it on the machine of that one."],
  ["a full disk", said(503, { error: "it cannot be kept" }), "did not end it: 503 it cannot be kept"],
  ["another program", said(502, "<html>"), "did not end it: 502 <html>"],
  ["nothing", err("connection refused"), "did not end it: connection refused"],
])("%s is told in a sentence", (_, answer, expected) => {
  expect(describeFailure(whyNot("end it", answer)).lines.join("\n")).toContain(expected);
});
