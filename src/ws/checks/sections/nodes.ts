import { attempt, type Check, eachOf, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { allNames, mainNames } from "../facts.ts";
import { send } from "../http.ts";

const TIMEOUT_MS = 3000;

function judgeUp({ healthUrl, settings }: CheckContext): Promise<Verdict> {
  const { port } = new URL(healthUrl);
  return attempt(`PORT ${port}`, async () => {
    const { status, text } = await send(`${healthUrl}/v1/cluster`, TIMEOUT_MS);
    const what =
      status === 200 ? `version ${JSON.parse(text).version}` : `a plain service (${status} for /v1/cluster)`;
    const right = settings.health.externalUrl !== undefined || Number(port) === settings.health.port;
    return verdict(right, `PORT ${port}: ${what}`);
  });
}

const judgeOk = ({ healthUrl }: CheckContext): Promise<Verdict> =>
  attempt(`GET ${healthUrl}`, async () => {
    const { status, text } = await send(healthUrl, TIMEOUT_MS);
    return verdict(status === 200, `GET ${healthUrl}: ${status} ${text.trim().slice(0, 40)}`);
  });

/** Our own addresses must not go through a proxy, whatever the shell or Docker's settings put into the environment. */
const DIRECT = "urllib.request.build_opener(urllib.request.ProxyHandler({}))";

/** `curl HEALTH_URL` in a node; Ray images have Python for sure, and curl not always. */
async function askFrom(context: CheckContext, service: string): Promise<Verdict> {
  const url = context.told(service).HEALTH_URL ?? context.healthUrl;
  const program = `import urllib.request; print(${DIRECT}.open("${url}", timeout=5).status)`;
  const answer = await context.exec(service, ["python", "-c", program]);
  const saw = answer.ok ? answer.value.trim() : answer.error;
  return verdict(saw === "200", `GET ${url} from there: ${saw}`);
}

/** A node that finds a HEAD at once decides without waiting for the health service's answer, and so may not know it. */
async function judgeReached(context: CheckContext, name: string): Promise<Verdict> {
  const health = (await context.status(name))?.health;
  if (!health || health.kind === "none") return askFrom(context, name);
  return verdict(health.kind !== "down", `${health.url} is ${health.kind === "down" ? "down" : "up"}`);
}

/** Whether the running Ray has what config.yaml wants a node to be told: all of it, or only these variables. */
const judgeTold = (only?: readonly string[]) => (context: CheckContext, name: string) =>
  given(context.environment(name), (environment) => {
    const wanted = Object.entries(context.told(name)).filter(
      ([variable]) => only?.includes(variable) ?? true,
    );
    const wrong = wanted
      .filter(([variable, value]) => environment[variable] !== value)
      .map(([variable, value]) => `${variable}=${environment[variable] ?? "(unset)"}, expected ${value}`);
    if (wrong.length > 0) return fails(wrong.join("; "));
    const right =
      only === undefined ? `${wanted.length} variables` : wanted.map((each) => each.join("=")).join(", ");
    return verdict(true, `${right} as config.yaml says`);
  });

const KEY_VARIABLES = ["HEAD_WHITELIST", "HEALTH_URL", "HEAD_ADDRESS_CFG"];

async function judgeWhitelist(context: CheckContext, name: string): Promise<Verdict> {
  const status = await context.status(name);
  if (status === undefined) return fails("says nothing of itself");
  const isCandidate = context.settings.candidates.some((each) => each.name === name);
  return verdict((status.place !== null) === isCandidate, status.place === null ? "not in" : "in");
}

const judgeRay = ({ exec }: CheckContext, name: string): Promise<Verdict> =>
  given(exec(name, ["ray", "--version"]), (said) =>
    verdict(/version \d/.test(said), said.trim().split("\n").at(-1) ?? ""),
  );

const judgeFolder = ({ environment, binDir }: CheckContext, name: string): Promise<Verdict> =>
  given(environment(name), ({ PATH = "" }) => {
    const [first] = PATH.split(":");
    return verdict(first === binDir, `PATH begins with ${first}`);
  });

const judgeLogin = ({ exec, binDir }: CheckContext, name: string): Promise<Verdict> =>
  given(exec(name, ["su", "-", "ray", "-c", "command -v ray && ray --version"]), (said) =>
    verdict(said.includes(binDir), said.trim().split("\n").join(", ")),
  );

/** What holds in and for each node by itself. */
export const NODE_CHECKS: readonly Check[] = [
  ["health/up", "The health service listens on its port (8080)", judgeUp],
  ["health/ok", "GET / is answered with 200 OK", judgeOk],
  [
    "health/name",
    "GET of HEALTH_URL (http://health:8080) is answered with 200 in every node",
    eachOf(mainNames, askFrom),
  ],
  ["health/reached", "The entrypoint of every node reaches it", eachOf(mainNames, judgeReached)],
  [
    "settings/injected",
    "config.yaml's nodes section reaches the environment of the running Ray",
    eachOf(mainNames, judgeTold()),
  ],
  [
    "settings/values",
    "HEAD_WHITELIST, HEALTH_URL and HEAD_ADDRESS_CFG have the expected values",
    eachOf(allNames, judgeTold(KEY_VARIABLES)),
  ],
  ["settings/whitelist", "The whitelist is judged right", eachOf(allNames, judgeWhitelist)],
  ["path/ray", "The ray command is found", eachOf(mainNames, judgeRay)],
  [
    "path/folder",
    "Ray's folder stands in PATH (in images: /home/ray/anaconda3/bin)",
    eachOf(mainNames, judgeFolder),
  ],
  [
    "path/login",
    "su - ray loads the login environment",
    eachOf(mainNames, judgeLogin),
    "here Ray runs as you",
  ],
];
