type Init = Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/**
 * Stands in the bundles (tsup.config.ts) for the global `Headers`, of which the gRPC library needs no more than this: the
 * first use of Node's own loads all of its fetch, which costs a decision 40 ms of processor time (Node 24).
 */
export class Headers {
  readonly #values = new Map<string, string>();

  constructor(init: Init = {}) {
    const entries =
      Symbol.iterator in init ? (init as Iterable<readonly [string, string]>) : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value).trim());
  }

  append(name: string, value: string): void {
    const before = this.get(name);
    if (before === null) this.set(name, value);
    else this.#values.set(name.toLowerCase(), `${before}, ${value.trim()}`);
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  forEach(each: (value: string, name: string) => void): void {
    for (const [name, value] of this) each(value, name);
  }

  entries(): IterableIterator<[string, string]> {
    return this[Symbol.iterator]();
  }

  /** By name, as the platform's own. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)).values();
  }
}
