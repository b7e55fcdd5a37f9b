import type { NotificationRow, NotificationState, ReadNotifications } from '../../src/protocol/notifications.ts';
import type { ItemChange } from '../../src/protocol/sync.ts';
import type { Http, RequestOptions } from './http.ts';

interface Ports {
  rows(): ReadonlyMap<string, NotificationRow>;
  state(): NotificationState | undefined;
  now(): number;
  /** A change was made over REST: the rows should learn of it soon. */
  changed(): Promise<void>;
}

/** What the user has done to a row that the server still has to confirm: it counts until the row is another one. */
interface Pending {
  row: NotificationRow;
  shown: NotificationRow | null;
}

const newestFirst = (a: NotificationRow, b: NotificationRow): number =>
  a.at === b.at ? (a.id < b.id ? 1 : -1) : a.at < b.at ? 1 : -1;

/**
 * What concerns the user: rows that are kept in step, and what can be done. A change shows at once, and is taken back if it
 * fails.
 */
export class NotificationsResource {
  readonly #http: Http;
  readonly #ports: Ports;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<() => void>();
  #shown: { of: ReadonlyMap<string, NotificationRow>; rows: NotificationRow[] } | undefined;

  /** @internal */
  constructor(http: Http, ports: Ports) {
    this.#http = http;
    this.#ports = ports;
  }

  /** The newest first. Another array when, and only when, something has changed. */
  get rows(): readonly NotificationRow[] {
    const of = this.#ports.rows();
    if (this.#shown?.of !== of) this.#shown = { of, rows: this.#overlaid(of).sort(newestFirst) };
    return this.#shown.rows;
  }
  get unread(): number {
    return this.rows.filter(({ read_at }) => read_at === null).length;
  }
  /** How many went unread since all were read, because newer ones came. */
  get unreadDropped(): number {
    return this.#ports.state()?.unread_dropped ?? 0;
  }

  /** Calls `listener` when rows have changed; the function returned ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Marks one as read. Reading a conversation does that by itself; marking reads no message. @throws TidelineError `not_found` */
  markRead(id: string): Promise<void> {
    return this.#read({ id }, (row) => row.id === id);
  }
  /** Marks one and all that are older. */
  markReadThrough(id: string): Promise<void> {
    const row = this.#ports.rows().get(id);
    return this.#read({ through: id }, (other) => row !== undefined && newestFirst(row, other) <= 0);
  }
  markAllRead(): Promise<void> {
    return this.#read({ all: true }, () => true);
  }
  /** @throws TidelineError `not_found` */
  remove(id: string): Promise<void> {
    const rows = this.rows.filter((row) => row.id === id);
    return this.#change(rows, () => null, `/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }
  removeAll(): Promise<void> {
    return this.#change([...this.rows], () => null, '', { method: 'DELETE' });
  }

  /** @internal Rows of the inbox have changed. */
  itemsChanged(changes: readonly ItemChange[]): void {
    if (changes.some(({ type }) => type === 'notification' || type === 'notification_state')) this.#changed();
  }

  #read(which: ReadNotifications, matches: (row: NotificationRow) => boolean): Promise<void> {
    const read_at = new Date(this.#ports.now()).toISOString();
    const rows = this.rows.filter((row) => row.read_at === null && matches(row));
    const options = { method: 'POST', body: which, idempotent: true } as const;
    return this.#change(rows, (row) => ({ ...row, read_at }), '/read', options);
  }

  async #change(
    rows: readonly NotificationRow[],
    to: (row: NotificationRow) => NotificationRow | null,
    path: string,
    options: RequestOptions,
  ): Promise<void> {
    const held = this.#ports.rows();
    const mine = new Map<string, Pending>();
    for (const { id } of rows) {
      const row = held.get(id);
      if (row !== undefined) mine.set(id, { row, shown: to(row) });
    }
    for (const [id, pending] of mine) this.#pending.set(id, pending);
    if (mine.size > 0) this.#changed();
    try {
      await this.#http.request(`/api/notifications${path}`, options);
    } catch (error) {
      for (const [id, pending] of mine) if (this.#pending.get(id) === pending) this.#pending.delete(id);
      if (mine.size > 0) this.#changed();
      throw error;
    }
    await this.#ports.changed();
  }

  #overlaid(rows: ReadonlyMap<string, NotificationRow>): NotificationRow[] {
    for (const [id, { row }] of this.#pending) if (rows.get(id) !== row) this.#pending.delete(id);
    return [...rows.values()].flatMap((row) => {
      const pending = this.#pending.get(row.id);
      return pending === undefined ? [row] : (pending.shown ?? []);
    });
  }

  #changed(): void {
    this.#shown = undefined;
    for (const listener of [...this.#listeners]) listener();
  }
}
