import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { send } from "./asking.ts";

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the answer to a GET, and to a POST of JSON, whatever its status", async () => {
  const url = await serve(async (incoming, response) => {
    const { method, headers } = incoming;
    response.writeHead(418).end(`${method} ${headers["content-type"]} ${headers.a} ${await text(incoming)}`);
  });
  expect(await send(url, 5000, { a: "b" })).toEqual({ status: 418, text: "GET undefined b " });
  expect(await send(url, 5000, { a: "b" }, { ä: 1 })).toEqual({
    ...{ status: 418, text: 'POST application/json b {"ä":1}' },
  });
});

test.each<[string, RequestListener]>([
  ["says nothing", () => {}],
  ["stops in the midst", (_, response) => response.write("half")],
  ["is cut off", (_, response) => void response.write("half", () => response.destroy())],
])("an answer that %s is none", async (_, answer) => {
  await expect(send(await serve(answer), 200)).rejects.toThrow(/aborted/);
});

test("nobody there: the error has the system's code", async () => {
  await expect(send("http://127.0.0.1:1", 1000)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
