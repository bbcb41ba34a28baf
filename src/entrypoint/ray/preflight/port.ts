import { once } from "node:events";
import { createServer } from "node:net";
import type { Address } from "../../../common/address.ts";
import { deadlineIn, pause } from "../../../common/deadline.ts";

const LOOK_EVERY_MS = 100;

/**
 * Whether a program of this machine could listen there, at the latest after `timeoutMs`. Ray's own answer to a port that
 * is taken comes after 45 s, deep in a trace (2.60). A name that is not this machine's own is left to Ray.
 */
export async function isFree(address: Address, timeoutMs: number): Promise<boolean> {
  const deadline = deadlineIn(timeoutMs);
  while (await isTaken(address)) {
    if (deadline.expired()) return false;
    await pause(LOOK_EVERY_MS);
  }
  return true;
}

async function isTaken({ host, port }: Address): Promise<boolean> {
  const server = createServer();
  server.listen({ host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  }
  await new Promise((resolve) => server.close(resolve));
  return false;
}
