import { expect, test } from "vitest";
import { readJoined } from "./join.ts";

const answer = (status: number, body: object) => ({ status, body: JSON.stringify(body), dateMs: Number.NaN });

test("an answer that is no membership is told, and the secrets in it are not", () => {
  const admitted = readJoined(answer(200, { member: "gpu02", credential: "s3cret" }), "gpu01:8443");
  expect(admitted).toMatchObject({ error: { reason: "join-unclear", service: "gpu01:8443" } });
  expect(JSON.stringify(admitted)).not.toContain("s3cret");
  const failed = readJoined(answer(500, { error: "a bug" }), "gpu01:8443");
  expect(failed).toMatchObject({ error: { cause: 'it answered 500 {"error":"a bug"}' } });
});
