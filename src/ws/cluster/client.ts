import type { NodeSettings } from "../config/settings.ts";
import { rayAuth, secretsFolder } from "../config/tokens.ts";
import type { Driver } from "../drivers/driver.ts";
import { dashboardUrl, shownHost } from "./snapshot.ts";

/** What a program of the user's needs to reach that HEAD (Ray's own variables, 2.40 to 2.60). Pure. */
export const clientVariables = (driver: Driver, head: NodeSettings): Readonly<Record<string, string>> => ({
  RAY_ADDRESS: `ray://${shownHost(driver.hostOf(head))}:${head.clientPort}`,
  RAY_API_SERVER_ADDRESS: dashboardUrl(driver, head),
  ...rayAuth(driver.settings.auth, secretsFolder(driver.stateDir, driver.name)),
});
