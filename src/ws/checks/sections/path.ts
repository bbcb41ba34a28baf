import { checksOf, eachOf, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { mainNames } from "./common.ts";

const judgeRay = (context: CheckContext): Promise<Verdict> =>
  eachOf(mainNames(context), async (service) => {
    const version = await context.run(service, ["ray", "--version"]);
    return version.ok
      ? verdict(/version \d/.test(version.value), version.value.trim().split("\n").at(-1) ?? "")
      : fails(version.error);
  });

const judgeFolder = (context: CheckContext): Promise<Verdict> =>
  eachOf(mainNames(context), async (service) => {
    const environment = await context.environment(service);
    if (!environment.ok) return fails(environment.error);
    const [first] = (environment.value.PATH ?? "").split(":");
    return verdict(first === context.binDir, `PATH begins with ${first}`);
  });

const judgeLogin = (context: CheckContext): Promise<Verdict> =>
  eachOf(mainNames(context), async (service) => {
    const login = await context.run(service, ["su", "-", "ray", "-c", "command -v ray && ray --version"]);
    return login.ok
      ? verdict(login.value.includes(context.binDir), login.value.trim().split("\n").join(", "))
      : fails(login.error);
  });

const needsDocker = ({ runtime }: CheckContext): string | undefined =>
  runtime === "embedded" ? "needs Docker: here Ray runs as you" : undefined;

export const PATH_CHECKS = checksOf("PATH", [
  ["path/ray", "The ray command is found", judgeRay],
  ["path/folder", "Ray's folder stands in PATH (in images: /home/ray/anaconda3/bin)", judgeFolder],
  ["path/login", "su - ray loads the login environment", judgeLogin, needsDocker],
]);
