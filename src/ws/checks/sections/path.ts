import { type Check, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";

const section = "PATH";

const inEveryNode = async (
  context: CheckContext,
  judge: (service: string) => Promise<Verdict>,
): Promise<Verdict> => {
  const names = context.settings.nodes.map(({ name }) => name);
  const seen = await Promise.all(names.map(judge));
  return verdict(
    seen.every(({ ok }) => ok),
    seen.map(({ saw }, i) => `${names[i]}: ${saw}`).join("; "),
  );
};

const judgeRay = (context: CheckContext): Promise<Verdict> =>
  inEveryNode(context, async (service) => {
    const version = await context.run(service, ["ray", "--version"]);
    return version.ok
      ? verdict(/version \d/.test(version.value), version.value.trim().split("\n").at(-1) ?? "")
      : { ok: false, saw: version.error };
  });

const judgeFolder = (context: CheckContext): Promise<Verdict> =>
  inEveryNode(context, async (service) => {
    const environment = await context.environment(service);
    if (!environment.ok) return { ok: false, saw: environment.error };
    const first = (environment.value.PATH ?? "").split(":")[0] ?? "";
    return verdict(first === context.binDir, `PATH begins with ${first}`);
  });

const judgeLogin = (context: CheckContext): Promise<Verdict> =>
  inEveryNode(context, async (service) => {
    const login = await context.run(service, ["su", "-", "ray", "-c", "command -v ray && ray --version"]);
    return login.ok
      ? verdict(login.value.includes(context.binDir), login.value.trim().split("\n").join(", "))
      : { ok: false, saw: login.error };
  });

export const PATH_CHECKS: readonly Check[] = [
  { id: "path/ray", section, title: "The ray command is found", run: judgeRay },
  {
    id: "path/folder",
    section,
    title: "Ray's folder stands in PATH (in images: /home/ray/anaconda3/bin)",
    run: judgeFolder,
  },
  {
    id: "path/login",
    section,
    title: "su - ray loads the login environment",
    skip: ({ runtime }) => (runtime === "embedded" ? "needs Docker: here Ray runs as you" : undefined),
    run: judgeLogin,
  },
];
