import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import * as z from "zod/mini";
import { causeOf } from "../../common/net/http.ts";
import { findLeader, STANDBY } from "../../common/net/leader.ts";
import { pinnedAgent, secureCall } from "../../common/net/pinned-tls.ts";
import { cookieIn, SessionRequest, sessionCookie } from "../../common/protocol/session-protocol.ts";
import type { Access } from "./service.ts";

/** All that the page asks for; a candidate's credential would get more. A name is as encodeURIComponent has it, since a URL takes \ for /. */
const READ = /^\/(?:v1\/(?:head|cluster|events|stream|nodes\/[\w.!~*'()%-]+\/log))?(?:\?.*)?$/;
/** Until a service answers; and how long a stream may say nothing, which speaks every 15 s. */
const ANSWER_MS = 3000;
const SILENT_MS = 40_000;
const MAX_BODY = 4096;

/**
 * Shows a cluster's page to a browser of this machine, over pinned TLS and with the member's credential, which the browser never
 * gets. It reads alone, and only for the one browser that brings the code of the address. Ends with `signal`.
 */
export async function servePage(access: Access, signal: AbortSignal): Promise<{ readonly url: string }> {
  const code = randomBytes(24).toString("base64url");
  const forward = forwarder(access);
  const door = new Door(code);
  const server = createServer((incoming, response) => {
    const refusal = door.whyNot(incoming);
    if (refusal === undefined) void forward(incoming, response);
    else void refusal.then((reply) => answer(response, reply)).catch(() => response.destroy());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  door.host = `127.0.0.1:${port}`;
  signal.addEventListener("abort", () => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://${door.host}/#code=${code}` };
}

interface Reply {
  readonly status: number;
  readonly body: object;
  readonly cookie?: string;
}

function answer(response: ServerResponse, { status, body, cookie }: Reply): void {
  response.writeHead(status, { "content-type": "application/json", ...(cookie && { "set-cookie": cookie }) });
  response.end(`${JSON.stringify(body)}\n`);
}

const refuse = (status: number, error: string): Reply => ({ status, body: { error } });

/** Who may read, and who gets a session. */
class Door {
  /** Where it stands, host:port. */
  host = "";
  #code: string | undefined;
  readonly #session = randomBytes(24).toString("base64url");

  constructor(code: string) {
    this.#code = code;
  }

  /** What a request is answered that is not handed on. The page itself holds nothing of the cluster. */
  whyNot(incoming: IncomingMessage): Promise<Reply> | undefined {
    const { method = "", url = "", headers } = incoming;
    // A name that others made point here is none of ours.
    if (headers.host !== this.host) return Promise.resolve(refuse(403, `expected the Host ${this.host}`));
    if (method === "POST" && url === "/v1/session") return this.#begin(incoming);
    if (method !== "GET" || !READ.test(url))
      return Promise.resolve(refuse(404, "there is nothing to read there"));
    const known = url === "/" || cookieIn(headers.cookie, this.#cookie) === this.#session;
    return known
      ? undefined
      : Promise.resolve(refuse(401, "this page is shown to one browser alone: type ws open again"));
  }

  get #cookie(): string {
    // Browsers send cookies to all ports of a host.
    return `ray-ep-${this.host.split(":")[1]}`;
  }

  async #begin(incoming: IncomingMessage): Promise<Reply> {
    const { origin, "content-type": type, "content-length": length = Number.NaN } = incoming.headers;
    const isOwn =
      origin === `http://${this.host}` && type === "application/json" && Number(length) <= MAX_BODY;
    if (!isOwn) return refuse(403, "expected JSON from this page itself");
    const asked = z.safeParse(SessionRequest, await json(incoming).catch(() => undefined));
    if (this.#code === undefined || asked.data?.token !== this.#code)
      return refuse(
        401,
        "expected the code of an address that ws open printed, which works once: type ws open again",
      );
    this.#code = undefined;
    return { status: 200, body: {}, cookie: sessionCookie(this.#cookie, this.#session, false) };
  }
}

/** Hands a read on to the health service that decides, which alone is given the credential, and its answer back as it comes. */
function forwarder({ services, ca, bearer }: Access) {
  const agent = pinnedAgent(ca);
  const asAnybody = secureCall(ca, null);
  let leader: string | undefined;
  const ask = ({ url = "", headers }: IncomingMessage, service: string) =>
    new Promise<IncomingMessage | string>((resolve) => {
      const accept = headers.accept ?? "*/*";
      const options = { agent, timeout: ANSWER_MS, headers: { accept, authorization: `Bearer ${bearer}` } };
      const outgoing = request(`https://${service}${url}`, options, (incoming) => {
        outgoing.setTimeout(SILENT_MS);
        resolve(incoming);
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
      outgoing.on("error", (error) => resolve(`${service}: ${causeOf(error)}`)).end();
    });
  const askLeader = async (incoming: IncomingMessage): Promise<IncomingMessage | string> => {
    const found = leader === undefined ? "" : await ask(incoming, leader);
    if (typeof found !== "string" && found.statusCode !== STANDBY) return found;
    if (typeof found !== "string") found.resume();
    const next = await findLeader(services, asAnybody, ANSWER_MS);
    leader = next.ok ? next.value : undefined;
    return next.ok ? ask(incoming, next.value) : next.error.join("; ") || "no health service is known";
  };
  return async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const found = await askLeader(incoming);
    if (typeof found === "string") return answer(response, refuse(502, found));
    // The browser is gone, and nobody would end a stream.
    if (response.destroyed) return void found.destroy();
    const { connection: _, "transfer-encoding": __, ...headers } = found.headers;
    response.writeHead(found.statusCode ?? 502, headers);
    response.on("close", () => found.destroy());
    found.on("error", () => response.destroy());
    found.pipe(response);
  };
}
