import { expect, test } from "vitest";
import { benchThousand } from "../../bench/thousand.ts";

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
