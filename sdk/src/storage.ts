/** Values by key. What is stored is JSON: objects, arrays, strings, numbers, booleans, null. */
export interface StorageChanges {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly delete?: readonly string[];
}

/**
 * Where a client keeps what must outlive it: the session, messages that are not acknowledged, the list of
 * conversations. Errors reject; the client reports them and goes on.
 */
export interface StorageAdapter {
  /** Every entry whose key begins with `prefix`. */
  read(prefix: string): Promise<Record<string, unknown>>;
  /** All of the changes or none, durable when it resolves. Writes take effect in the order of the calls. */
  write(changes: StorageChanges): Promise<void>;
  /** Runs `task` while no other client on the same storage is in an `exclusive` of that name. */
  exclusive<T>(name: string, task: () => Promise<T>): Promise<T>;
}

/** Turns of one process on one name. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name);
    const turn = (before ?? Promise.resolve()).then(task);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}

/** Keeps everything until the object is dropped. Give the same one to a second client to see what a reload would see. */
export class MemoryStorage implements StorageAdapter {
  readonly #entries = new Map<string, string>();
  readonly #turns = new Turns();

  async read(prefix: string): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const [key, text] of this.#entries) if (key.startsWith(prefix)) found[key] = JSON.parse(text);
    return found;
  }

  async write(changes: StorageChanges): Promise<void> {
    for (const key of changes.delete ?? []) this.#entries.delete(key);
    for (const [key, value] of Object.entries(changes.set ?? {})) this.#entries.set(key, JSON.stringify(value));
  }

  exclusive<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(name, task);
  }
}
