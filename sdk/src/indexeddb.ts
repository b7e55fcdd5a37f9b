import { type IDBPDatabase, openDB } from 'idb';
import { type StorageAdapter, type StorageChanges, Turns } from './storage.ts';

const STORE = 'entries';

/** Keeps entries in IndexedDB. Tabs of one origin may share a database; a service worker may use it too. */
export class IndexedDbStorage implements StorageAdapter {
  readonly #name: string;
  readonly #turns = new Turns();
  #database: Promise<IDBPDatabase> | undefined;

  /** @param name name of the database; give each account that is used at the same time its own */
  constructor(name = 'tideline') {
    this.#name = name;
  }

  async read(prefix: string): Promise<Record<string, unknown>> {
    const database = await this.#open();
    // Every string that begins with the prefix, and no other, lies in this range.
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const transaction = database.transaction(STORE);
    const [keys, values] = await Promise.all([transaction.store.getAllKeys(range), transaction.store.getAll(range)]);
    return Object.fromEntries(keys.map((key, i) => [String(key), values[i] as unknown]));
  }

  async write(given: StorageChanges): Promise<void> {
    const changes = structuredClone(given);
    const database = await this.#open();
    const transaction = database.transaction(STORE, 'readwrite', { durability: 'strict' });
    await Promise.all([
      ...(changes.delete ?? []).map((key) => transaction.store.delete(key)),
      ...Object.entries(changes.set ?? {}).map(([key, value]) => transaction.store.put(value, key)),
      transaction.done,
    ]);
  }

  exclusive<T>(name: string, task: () => Promise<T>): Promise<T> {
    // Web Locks reach across tabs; they are absent in insecure contexts and old browsers.
    const locks = (globalThis.navigator as Navigator | undefined)?.locks as LockManager | undefined;
    if (locks === undefined) return this.#turns.run(name, task);
    return locks.request(`${this.#name}/${name}`, task) as Promise<T>;
  }

  /** Closes the database; the next use opens it again. */
  async close(): Promise<void> {
    const opened = this.#database;
    this.#database = undefined;
    (await opened)?.close();
  }

  #open(): Promise<IDBPDatabase> {
    this.#database ??= openDB(this.#name, 1, {
      upgrade: (database) => {
        database.createObjectStore(STORE);
      },
      // Another tab wants a newer version, or the browser closed the database: let go, and open again at the next use.
      blocking: () => void this.close(),
      terminated: () => {
        this.#database = undefined;
      },
    }).catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return this.#database;
  }
}
