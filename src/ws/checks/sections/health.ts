import { request } from "undici";
import { type Check, fails, type Verdict, verdict } from "../check.ts";
import type { CheckContext } from "../context.ts";

const section = "Health service";
const TIMEOUT_MS = 3000;

async function get(url: string): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: statusCode, text: await body.text() };
}

async function judgeUp({ healthUrl, settings }: CheckContext): Promise<Verdict> {
  const { port } = new URL(healthUrl);
  try {
    const { status, text } = await get(`${healthUrl}/v1/cluster`);
    const view = status === 200 ? (JSON.parse(text) as { version?: string; epoch?: number }) : undefined;
    const what =
      view === undefined ? `a plain service (${status} for /v1/cluster)` : `version ${view.version}`;
    const right = settings.health.externalUrl !== undefined || Number(port) === settings.health.port;
    return verdict(right, `PORT ${port}: ${what}`);
  } catch (error) {
    return fails(`PORT ${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function judgeOk({ healthUrl }: CheckContext): Promise<Verdict> {
  try {
    const { status, text } = await get(healthUrl);
    return verdict(status === 200, `GET ${healthUrl}: ${status} ${text.trim().slice(0, 40)}`);
  } catch (error) {
    return fails(`GET ${healthUrl}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A node that finds a HEAD at once decides without waiting for the health service's answer, and so may not name it. */
async function judgeReached(context: CheckContext): Promise<Verdict> {
  const seen = await Promise.all(
    context.settings.nodes.map(async ({ name }) => {
      const health = (await context.status(name))?.health;
      const { ok, saw } =
        health == null || health.kind === "none"
          ? await askFrom(context, name)
          : verdict(health.kind !== "down", `${health.url} is ${health.kind === "down" ? "down" : "up"}`);
      return { ok, saw: `${name}: ${saw}` };
    }),
  );
  return verdict(
    seen.every(({ ok }) => ok),
    seen.map(({ saw }) => saw).join("; "),
  );
}

async function judgeByName(context: CheckContext): Promise<Verdict> {
  const seen = await Promise.all(
    context.settings.nodes.map(async ({ name }) => ({ name, ...(await askFrom(context, name)) })),
  );
  return verdict(
    seen.every(({ ok }) => ok),
    seen.map(({ name, saw }) => `${name}: ${saw}`).join("; "),
  );
}

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

export const HEALTH_CHECKS: readonly Check[] = [
  { id: "health/up", section, title: "The health service listens on its port (8080)", run: judgeUp },
  { id: "health/ok", section, title: "GET / is answered with 200 OK", run: judgeOk },
  {
    id: "health/name",
    section,
    title: "GET of HEALTH_URL (http://health:8080) is answered with 200 in every node",
    run: judgeByName,
  },
  { id: "health/reached", section, title: "The entrypoint of every node reaches it", run: judgeReached },
];
