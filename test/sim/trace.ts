/** What an invariant found. The message says what was expected and what was seen. */
export class Violation extends Error {}

/** The story of one history, kept only when somebody will read it. */
export class Trace {
  readonly lines: string[] = [];
  readonly #now: () => number;
  readonly keeps: boolean;

  constructor(keep: boolean, now: () => number) {
    this.keeps = keep;
    this.#now = now;
  }

  readonly say = (text: string): void => {
    if (this.keeps) this.lines.push(`${(this.#now() / 1000).toFixed(3).padStart(9)}  ${text}`);
  };
}
