import { send } from "../asking.ts";
import { attempt, cannotJudge, check, eachOf, fails, given, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { allNames, mainNames } from "../facts.ts";

const TIMEOUT_MS = 3000;

/** Our own addresses must not go through a proxy, whatever the shell or Docker's settings put into the environment. */
const DIRECT = "urllib.request.build_opener(urllib.request.ProxyHandler({}))";

/** `curl HEALTH_URL` in a node; Ray images have Python for sure, and curl not always. */
async function askFrom({ told, healthUrl, exec }: CheckContext, name: string): Promise<Verdict> {
  const url = told(name).HEALTH_URL ?? healthUrl;
  const program = `import urllib.request; print(${DIRECT}.open("${url}", timeout=5).status)`;
  const answer = await exec(name, ["python", "-c", program]);
  const saw = answer.ok ? answer.value.trim() : answer.error;
  return verdict(saw === "200", `GET ${url} from there: ${saw}`);
}

/** Not of config.yaml's nodes: an earlier Ray has no token mode, and no task has to know the health service's token. */
const TOKEN = /^RAY_(?:AUTH|EP_HEALTH)_/;

/** Whether the running Ray has what config.yaml wants a node to be told: all of it, or only these variables. */
const judgeTold = ({ told, environment }: CheckContext, name: string, only?: readonly string[]) =>
  given(environment(name), (has) => {
    const wanted = Object.entries(told(name)).filter(
      ([variable]) => only?.includes(variable) ?? !TOKEN.test(variable),
    );
    const wrong = wanted
      .filter(([variable, value]) => has[variable] !== value)
      .map(([variable, value]) => `${variable}=${has[variable] ?? "(unset)"}, expected ${value}`);
    if (wrong.length > 0) return fails(wrong.join("; "));
    const right = only ? wanted.map((each) => each.join("=")).join(", ") : `${wanted.length} variables`;
    return verdict(true, `${right} as config.yaml says`);
  });

const KEY_VARIABLES = ["HEAD_WHITELIST", "HEALTH_URL", "HEAD_ADDRESS_CFG"];

/** What holds in and for each node by itself. */
export const NODE_CHECKS = [
  check(
    "health/up",
    "The health service listens on its port (8080)",
    ({ healthUrl, settings: { health } }) => {
      const { port } = new URL(healthUrl);
      return attempt(`PORT ${port}`, async () => {
        const { status, text } = await send(`${healthUrl}/v1/cluster`, TIMEOUT_MS);
        const plain = `a plain service (${status} for /v1/cluster)`;
        const what = status === 200 ? `version ${JSON.parse(text).version}` : plain;
        const right = health.externalUrl !== undefined || Number(port) === health.port;
        return verdict(right, `PORT ${port}: ${what}`);
      });
    },
  ),
  check("health/ok", "GET / is answered with 200 OK", ({ healthUrl }) =>
    attempt(`GET ${healthUrl}`, async () => {
      const { status, text } = await send(healthUrl, TIMEOUT_MS);
      return verdict(status === 200, `GET ${healthUrl}: ${status} ${text.trim().slice(0, 40)}`);
    }),
  ),
  check(
    "health/name",
    "GET of HEALTH_URL (http://health:8080) is answered with 200 in every node",
    (context) => eachOf(mainNames(context), (name) => askFrom(context, name)),
  ),
  // A node that finds a HEAD at once decides without waiting for the health service's answer, and so may not know it.
  check("health/reached", "The entrypoint of every node reaches it", (context) =>
    eachOf(mainNames(context), async (name) => {
      const health = (await context.status(name))?.health;
      if (!health || health.kind === "none") return askFrom(context, name);
      return verdict(health.kind !== "down", `${health.url} is ${health.kind === "down" ? "down" : "up"}`);
    }),
  ),
  check(
    "settings/injected",
    "config.yaml's nodes section reaches the environment of the running Ray",
    (context) => eachOf(mainNames(context), (name) => judgeTold(context, name)),
  ),
  check(
    "settings/values",
    "HEAD_WHITELIST, HEALTH_URL and HEAD_ADDRESS_CFG have the expected values",
    (context) => eachOf(allNames(context), (name) => judgeTold(context, name, KEY_VARIABLES)),
  ),
  check("settings/whitelist", "The whitelist is judged right", (context) =>
    eachOf(allNames(context), async (name) => {
      const status = await context.status(name);
      if (status === undefined) return fails("it reports nothing about itself");
      const isCandidate = context.settings.candidates.some((each) => each.name === name);
      return verdict((status.place !== null) === isCandidate, status.place === null ? "not in" : "in");
    }),
  ),
  check("path/ray", "The ray command is found", (context) =>
    eachOf(mainNames(context), (name) =>
      given(context.exec(name, ["ray", "--version"]), (said) =>
        verdict(/version \d/.test(said), said.trim().split("\n").at(-1) ?? ""),
      ),
    ),
  ),
  check("path/folder", "Ray's folder stands in PATH (in images: /home/ray/anaconda3/bin)", (context) =>
    eachOf(mainNames(context), (name) =>
      given(context.environment(name), async ({ PATH = "" }) => {
        const [first] = PATH.split(":");
        // An image of the user's has Ray elsewhere.
        const isThere = async () => (await context.exec(name, ["test", "-x", `${first}/ray`])).ok;
        return verdict(first === context.binDir || (await isThere()), `PATH begins with ${first}`);
      }),
    ),
  ),
  {
    ...check("path/login", "su - ray loads the login environment", (context) =>
      eachOf(mainNames(context), async (name) => {
        const said = await context.exec(name, ["su", "-", "ray", "-c", "command -v ray && ray --version"]);
        if (said.ok)
          return verdict(said.value.includes(context.binDir), said.value.trim().split("\n").join(", "));
        return /user ray does not exist/.test(said.error) ? cannotJudge("no user ray") : fails(said.error);
      }),
    ),
    needsIsolation: "here Ray runs as you",
  },
];
