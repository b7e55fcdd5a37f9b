import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type StorageAdapter, type StorageChanges, Turns } from './storage.ts';

/**
 * Keeps entries in one JSON file (mode 0600: it holds the session), replaced whole by write and rename: after a crash
 * the file is the old one or the new one. For one process at a time. Node.js, Bun and Deno.
 */
export class FileStorage implements StorageAdapter {
  readonly #path: string;
  readonly #turns = new Turns();
  #entries: Promise<Map<string, unknown>> | undefined;
  #batch: { changes: StorageChanges[]; written: Promise<void> } | undefined;

  /** @param path the file; its folder is made when it is missing */
  constructor(path: string) {
    this.#path = path;
  }

  async read(prefix: string): Promise<Record<string, unknown>> {
    const entries = await this.#load();
    return Object.fromEntries(
      [...entries].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key, structuredClone(value)]),
    );
  }

  /** Calls made while the file is being written share the next write. */
  write(changes: StorageChanges): Promise<void> {
    this.#batch ??= { changes: [], written: this.#turns.run('write', () => this.#flush()) };
    this.#batch.changes.push(structuredClone(changes));
    return this.#batch.written;
  }

  exclusive<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(name, task);
  }

  async #load(): Promise<Map<string, unknown>> {
    this.#entries ??= this.#readFile();
    try {
      return await this.#entries;
    } catch (error) {
      this.#entries = undefined;
      throw error;
    }
  }

  async #readFile(): Promise<Map<string, unknown>> {
    try {
      return new Map(Object.entries(JSON.parse(await readFile(this.#path, 'utf8')) as Record<string, unknown>));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
  }

  async #flush(): Promise<void> {
    const changes = this.#batch?.changes ?? [];
    this.#batch = undefined;
    const next = new Map(await this.#load());
    for (const change of changes) {
      for (const key of change.delete ?? []) next.delete(key);
      for (const [key, value] of Object.entries(change.set ?? {})) next.set(key, value);
    }
    await this.#replace(JSON.stringify(Object.fromEntries(next)));
    this.#entries = Promise.resolve(next);
  }

  async #replace(text: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const temporary = `${this.#path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
