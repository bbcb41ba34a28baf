import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The end of a request's header, also of each pipelined request. */
const END_OF_HEAD = "\r\n\r\n";

/**
 * Lets a connection have one request at a time. Node parses all pipelined requests of one chunk, thousands of them,
 * before it answers the first, and holds an answer for each (`maxRequestsPerSocket` does not change that). Here each
 * chunk is cut where a header may end, and nothing is read behind a request that came before its predecessor was
 * answered: the connection closes after that answer, since no client of ours pipelines.
 *
 * To be called after Node's server has taken the socket and added its listener. Returns what is to be called where a
 * request has begun; it returns false if the one before is not answered yet: then ignore it.
 */
export function oneAtATime(socket: Socket): (request: IncomingMessage, response: ServerResponse) => boolean {
  const [parse] = socket.listeners("data");
  if (parse === undefined) throw new Error("Node's HTTP server does not listen for the data of its socket");
  let current: ServerResponse | null = null;
  let isLast = false;
  const endAfterAnswer = (): void => {
    isLast = true;
    socket.pause();
    if (current !== null) current.shouldKeepAlive = false;
  };
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    for (let start = 0; start < chunk.length && !isLast && !socket.destroyed; ) {
      const found = chunk.indexOf(END_OF_HEAD, start);
      const end = found < 0 ? chunk.length : found + END_OF_HEAD.length;
      parse.call(socket, chunk.subarray(start, end));
      start = end;
    }
  });
  return (request, response) => {
    if (current !== null) {
      endAfterAnswer();
      return false;
    }
    current = response;
    response.once("close", () => {
      current = null;
      if (isLast) socket.destroySoon();
    });
    // A body in thousands of chunks costs as much as thousands of requests, and no client of ours sends chunks.
    if (request.headers["transfer-encoding"] !== undefined) endAfterAnswer();
    return true;
  };
}
