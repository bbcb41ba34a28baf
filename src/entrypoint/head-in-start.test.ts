import { expect, test } from "vitest";
import { FakeGcs } from "../../test/fixtures/fake-gcs.ts";
import { openGcs } from "../common/gcs/client.ts";
import { watchHeadInStart } from "./head-in-start.ts";

const EVERY_MS = 20;

test("a HEAD that goes, and one that comes back as another cluster, are noticed; one that stays is not", async () => {
  const server = await FakeGcs.start();
  const gcs = openGcs(server.address, { token: null });
  const over = new AbortController();
  try {
    let trouble: unknown;
    const watched = watchHeadInStart(gcs, EVERY_MS, over.signal).then((seen) => {
      trouble = seen;
    });
    const before = server.calls;
    while (server.calls < before + 10) await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    expect(trouble).toBeUndefined();

    server.clusterId = "ff".repeat(28);
    await watched;
    expect(trouble).toEqual({ kind: "head-lost-in-start", cause: "it restarted" });

    const gone = watchHeadInStart(gcs, EVERY_MS, over.signal);
    await server.stop();
    expect(await gone).toEqual({ kind: "head-lost-in-start", cause: "unavailable" });
  } finally {
    over.abort();
    gcs.close();
    await server.stop();
  }
});
