import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Ends the head of a request, and each of those that some stranger put behind it. */
const END_OF_HEAD = "\r\n\r\n";

/**
 * One request at a time on one connection. Node parses all requests that came in one piece, some thousand of them, before
 * the first is answered, and holds an answer for each. Here each piece is cut where a head may end, and what comes before
 * the answer is over is not read: the connection ends with that answer, as nothing of ours sends requests ahead.
 */
export class OneAtATime {
  readonly #socket: Socket;
  readonly #parse: (chunk: Buffer) => void;
  #request: IncomingMessage | null = null;
  #response: ServerResponse | null = null;
  #over = false;

  /** To be made when Node's server has taken the socket, so that its listener is there. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const [parse] = socket.listeners("data");
    if (parse === undefined) throw new Error("Node's HTTP server does not listen for the data of its socket");
    this.#parse = (chunk) => void parse.call(socket, chunk);
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Buffer) => this.#feed(chunk));
  }

  /** A request has begun. False where the one before is not answered yet: then there is nothing to be done for it. */
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
    // A body in thousands of chunks costs as much as thousands of requests, and nothing of ours sends one in chunks.
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
