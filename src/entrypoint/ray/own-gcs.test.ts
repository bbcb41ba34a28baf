import { expect, test, vi } from "vitest";
import { FakeGcs } from "../../../test/fixtures/fake-gcs.ts";
import { realClock } from "../../common/deadline.ts";
import { openGcs } from "../../gcs/client.ts";
import { untilHeadGone } from "./own-gcs.ts";

const EVERY_MS = 20;
const onSeen = vi.fn();
const SETTINGS = { everyMs: EVERY_MS, times: 5, timeoutMs: 2000 };

test("a HEAD that goes, and one that comes back as another cluster, are noticed; one that stays is not", async () => {
  const server = await FakeGcs.start();
  const gcs = openGcs(server.address, { token: null });
  const over = new AbortController();
  try {
    let cause: unknown;
    const watched = untilHeadGone({ client: gcs }, SETTINGS, onSeen, realClock, over.signal).then((seen) => {
      cause = seen;
    });
    const before = server.calls;
    while (server.calls < before + 10) await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    expect(cause).toBeUndefined();

    server.clusterId = "ff".repeat(28);
    await watched;
    expect(cause).toBe("it restarted");
    // D14: each answer of the joined HEAD is a sign of life.
    const proofs = onSeen.mock.calls.length;
    expect(proofs).toBeGreaterThan(3);

    const gone = untilHeadGone({ client: gcs }, SETTINGS, onSeen, realClock, over.signal);
    await server.stop();
    expect(await gone).toBe("unavailable");
    expect(onSeen).toHaveBeenCalledTimes(proofs);
  } finally {
    over.abort();
    gcs.close();
    await server.stop();
  }
});
