import { err, ok } from "../../common/result.ts";
import { rayAuth, secretsFolder } from "../config/tokens.ts";
import type { Driver } from "../drivers/driver.ts";
import type { Attempt } from "../failure.ts";
import { type ClusterReport, reportCluster } from "./status.ts";

type Head = NonNullable<ClusterReport["head"]>;

/** The HEAD of a cluster that runs. */
export async function headOf(driver: Driver): Attempt<Head> {
  const report = await reportCluster(driver);
  if (!report.ok) return report;
  const { head, noHead } = report.value;
  if (head !== undefined) return ok(head);
  if (noHead?.reason === "wants-token") return err({ reason: "token-refused", at: noHead.at });
  return err({
    reason: "not-running",
    what: noHead?.reason === "silent" ? `The GCS at ${noHead.at} does not answer` : "No GCS answers",
    fix: "See what the nodes do: ws ps. Start the cluster, or what is missing of it: ws up",
  });
}

/** What a program of the user's needs to reach it (Ray's own variables, 2.40 to 2.60). Pure. */
export const clientVariables = (
  { settings, stateDir, name }: Pick<Driver, "settings" | "stateDir" | "name">,
  { clientUrl, dashboardUrl }: Pick<Head, "clientUrl" | "dashboardUrl">,
): Readonly<Record<string, string>> => ({
  RAY_ADDRESS: clientUrl,
  RAY_API_SERVER_ADDRESS: dashboardUrl,
  ...rayAuth(settings.auth, secretsFolder(stateDir, name)),
});
