import { expect, test } from "vitest";
import { benchReaders, benchThousand, MUST } from "../../bench/thousand.ts";

const MINUTE = 60_000;

test(
  "of a thousand entrypoints that start at once against one health service, one leads and all have decided",
  async () => {
    const rows = await benchThousand();
    for (const { name, value, unit } of rows) console.log(`${name}: ${value.toFixed(1)} ${unit}`);
    expect(rows.length).toBeGreaterThan(0);
  },
  2 * MINUTE,
);

test(
  "beside a hundred nodes that report and ten open pages no renewal is late",
  async () => {
    const [renewal, peak] = await benchReaders([{ ...MUST, forMs: 5000 }]);
    expect(renewal?.value).toBeLessThan(1000);
    expect(peak?.value).toBeLessThan(250);
  },
  MINUTE,
);
