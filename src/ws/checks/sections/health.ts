import { attempt, checksOf, eachOf, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";
import { get } from "../http.ts";
import { mainNames } from "./common.ts";

const TIMEOUT_MS = 3000;

const judgeUp = ({ healthUrl, settings }: CheckContext): Promise<Verdict> => {
  const { port } = new URL(healthUrl);
  return attempt(`PORT ${port}`, async () => {
    const { status, text } = await get(`${healthUrl}/v1/cluster`, TIMEOUT_MS);
    const what =
      status === 200 ? `version ${JSON.parse(text).version}` : `a plain service (${status} for /v1/cluster)`;
    const right = settings.health.externalUrl !== undefined || Number(port) === settings.health.port;
    return verdict(right, `PORT ${port}: ${what}`);
  });
};

const judgeOk = ({ healthUrl }: CheckContext): Promise<Verdict> =>
  attempt(`GET ${healthUrl}`, async () => {
    const { status, text } = await get(healthUrl, TIMEOUT_MS);
    return verdict(status === 200, `GET ${healthUrl}: ${status} ${text.trim().slice(0, 40)}`);
  });

/** A node that finds a HEAD at once decides without waiting for the health service's answer, and so may not know it. */
const judgeReached = (context: CheckContext): Promise<Verdict> =>
  eachOf(mainNames(context), async (name) => {
    const health = (await context.status(name))?.health;
    if (!health || health.kind === "none") return askFrom(context, name);
    return verdict(health.kind !== "down", `${health.url} is ${health.kind === "down" ? "down" : "up"}`);
  });

const judgeByName = (context: CheckContext): Promise<Verdict> =>
  eachOf(mainNames(context), (name) => askFrom(context, name));

/**
 * Our own addresses must not go through a proxy, whatever the shell or Docker's settings put into the environment.
 */
const DIRECT = "urllib.request.build_opener(urllib.request.ProxyHandler({}))";

/** `curl HEALTH_URL` in a node; Ray images have Python for sure, and curl not always. */
async function askFrom(context: CheckContext, service: string): Promise<Verdict> {
  const url = context.expectedEnvironment(service).HEALTH_URL ?? context.healthUrl;
  const program = `import urllib.request; print(${DIRECT}.open("${url}", timeout=5).status)`;
  const answer = await context.run(service, ["python", "-c", program]);
  const saw = answer.ok ? answer.value.trim() : answer.error;
  return verdict(saw === "200", `GET ${url} from there: ${saw}`);
}

export const HEALTH_CHECKS = checksOf("Health service", [
  ["health/up", "The health service listens on its port (8080)", judgeUp],
  ["health/ok", "GET / is answered with 200 OK", judgeOk],
  ["health/name", "GET of HEALTH_URL (http://health:8080) is answered with 200 in every node", judgeByName],
  ["health/reached", "The entrypoint of every node reaches it", judgeReached],
]);
