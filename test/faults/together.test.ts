import { test } from "vitest";
import { startTogether } from "./together.ts";

test(
  "row 1: three candidates start together: one GCS, one epoch (20 times in the long faults)",
  startTogether,
);
