interface Due {
  readonly atMs: number;
  /** Of two that are due at once, the one that was set first goes first. */
  readonly order: number;
  /** Null: it was called off. */
  run: (() => void) | null;
  /** It wakes nobody, so that nothing has to be waited for after it. */
  readonly quiet: boolean;
}

/** Virtual time: it jumps from one event to the next, and what an event wakes has run before the next one. */
export class Clock {
  nowMs = 0;
  #order = 0;
  readonly #heap: Due[] = [];

  /** Returns what calls it off. */
  after(ms: number, run: () => void): () => void {
    return this.#plan(ms, run, false);
  }

  /** For what only looks: it wakes nobody. */
  lookAfter(ms: number, run: () => void): void {
    this.#plan(ms, run, true);
  }

  #plan(ms: number, run: () => void, quiet: boolean): () => void {
    const due: Due = { atMs: this.nowMs + Math.max(0, ms), order: ++this.#order, run, quiet };
    this.#push(due);
    return () => {
      due.run = null;
    };
  }

  /** Runs all events up to `untilMs`, or until `done` says so after one. */
  async run(untilMs: number, done: () => boolean): Promise<void> {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.atMs > untilMs || done()) return;
      this.#pop();
      if (first.run === null) continue;
      this.nowMs = first.atMs;
      first.run();
      if (!first.quiet) await drained();
    }
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(due, heap[parent] as Due)) break;
      heap[at] = heap[parent] as Due;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child += 1;
      if (!isBefore(heap[child] as Due, last)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Resolves when no promise has anything left to do: an immediate comes after all of them. */
const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
