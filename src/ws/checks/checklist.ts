import type { Check } from "./check.ts";
import { CLIENT_CHECKS } from "./sections/client.ts";
import { CLUSTER_CHECKS } from "./sections/cluster.ts";
import { DASHBOARD_CHECKS } from "./sections/dashboard.ts";
import { HEALTH_CHECKS } from "./sections/health.ts";
import { NAT_CHECKS } from "./sections/nat.ts";
import { PAIR_CHECKS } from "./sections/pairs.ts";
import { PATH_CHECKS } from "./sections/path.ts";
import { SCENARIO_CHECKS } from "./sections/scenarios.ts";
import { SETTINGS_CHECKS } from "./sections/settings.ts";
import { WORKER_CHECKS } from "./sections/worker.ts";

/** The specification's checklist (docs/specification.md), line by line, with the checks of ours that make a line mean what it says. */
export const CHECKLIST: readonly Check[] = [
  ...CLUSTER_CHECKS,
  ...HEALTH_CHECKS,
  ...DASHBOARD_CHECKS,
  ...CLIENT_CHECKS,
  ...WORKER_CHECKS,
  ...SETTINGS_CHECKS,
  ...PATH_CHECKS,
  ...SCENARIO_CHECKS,
  ...PAIR_CHECKS,
  ...NAT_CHECKS,
];
