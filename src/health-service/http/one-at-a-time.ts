import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The end of a request's header, also of each pipelined request. */
const END_OF_HEAD = "\r\n\r\n";

/**
 * Handles one request at a time on a connection. Node parses all pipelined requests of one chunk, thousands of them,
 * before it answers the first, and holds an answer for each. Here each chunk is cut where a header may end, and data
 * that arrives before the answer is complete is not read: the connection closes after that answer, since no client of
 * ours pipelines.
 */
export class OneAtATime {
  readonly #socket: Socket;
  readonly #parse: (chunk: Buffer) => void;
  #request: IncomingMessage | null = null;
  #response: ServerResponse | null = null;
  #over = false;

  /** Create it after Node's server has taken the socket and added its listener. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const [parse] = socket.listeners("data");
    if (parse === undefined) throw new Error("Node's HTTP server does not listen for the data of its socket");
    this.#parse = (chunk) => void parse.call(socket, chunk);
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Buffer) => this.#feed(chunk));
  }

  /** A request has begun. False if the one before is not answered yet: then ignore it. */
  begin(request: IncomingMessage, response: ServerResponse, onAnswered: () => void): boolean {
    if (this.#response !== null) {
      this.#endAfterAnswer();
      return false;
    }
    this.#request = request;
    this.#response = response;
    response.once("close", () => {
      this.#request = null;
      this.#response = null;
      if (this.#over) this.#socket.destroySoon();
      else onAnswered();
    });
    // A body in thousands of chunks costs as much as thousands of requests, and no client of ours sends chunks.
    if (request.headers["transfer-encoding"] !== undefined) this.#endAfterAnswer();
    return true;
  }

  #feed(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length && !this.#over && !this.#socket.destroyed) {
      if (this.#request?.complete) {
        this.#endAfterAnswer();
        return;
      }
      const found = chunk.indexOf(END_OF_HEAD, start);
      const end = found < 0 ? chunk.length : found + END_OF_HEAD.length;
      this.#parse(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
      start = end;
    }
  }

  #endAfterAnswer(): void {
    this.#over = true;
    this.#socket.pause();
    if (this.#response !== null) this.#response.shouldKeepAlive = false;
  }
}
