import { type Clock, timestamp } from '../clock.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import {
  type CreateSubscription,
  NotificationSettings,
  type PushPayload,
  type Subscription,
} from '../protocol/push.ts';
import { isQuiet } from '../push/quiet.ts';
import { type ChatRecord, wanted } from './rows.ts';
import type { Timeline } from './timeline.ts';

/** Devices of one user that are pushed to: the newest so many. */
const MAX_SUBSCRIPTIONS = 20;
/** A conversation is pushed once in so many milliseconds: what comes meanwhile is in what is pushed, or comes next. */
const PAUSE_MS = 5000;
/** Characters of a text in a push. */
const PREVIEW = 160;

/** A subscription as it is sent to. */
export interface PushTarget {
  id: string;
  endpoint: string;
  p256dh: string;
  auth: string;
}

/** What is pushed, and to where. */
export interface Alert {
  payload: PushPayload;
  urgent: boolean;
  targets: PushTarget[];
}

interface Stored extends Record<string, SqlStorageValue>, PushTarget {
  session_id: string;
  created_at: number;
}

/**
 * Whom and when the inbox alerts while no device is connected. What is alerted is a conversation, not a message: the queue is
 * told that there is something, and what there is then is looked up when it is sent.
 */
export class Alerts {
  readonly #timeline: Timeline;
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #enqueue: (chatId: string) => void;
  #count: number | undefined;
  readonly #last = new Map<string, number>();

  constructor(timeline: Timeline, owner: string, clock: Clock, enqueue: (chatId: string) => void) {
    this.#timeline = timeline;
    this.#owner = owner;
    this.#clock = clock;
    this.#enqueue = enqueue;
  }

  /** Takes a device's subscription, anew if it is known. It ends with the session that made it. */
  subscribe(session: string, id: string, { endpoint, keys }: CreateSubscription): Subscription {
    const now = this.#clock();
    this.#timeline.prepare();
    this.#timeline.sql.exec(
      `INSERT INTO push_subscriptions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
         p256dh = excluded.p256dh, auth = excluded.auth, session_id = excluded.session_id, created_at = excluded.created_at`,
      id,
      endpoint,
      keys.p256dh,
      keys.auth,
      session,
      now,
    );
    this.#timeline.sql.exec(
      `DELETE FROM push_subscriptions WHERE id NOT IN
         (SELECT id FROM push_subscriptions ORDER BY created_at DESC, id LIMIT ?)`,
      MAX_SUBSCRIPTIONS,
    );
    this.#count = undefined;
    return shown({ id, endpoint, created_at: now });
  }

  unsubscribe(ids: string[]): Result<null> {
    const known = new Set(this.#stored().map(({ id }) => id));
    if (!ids.some((id) => known.has(id))) return refuse('not_found', 'you have no such subscription');
    for (const id of ids) this.#timeline.sql.exec('DELETE FROM push_subscriptions WHERE id = ?', id);
    this.#count = undefined;
    return ok(null);
  }

  /** The sessions have ended: their devices are not the user's to alert any more. */
  endSessions(sessions: string[] | 'all', except: string | undefined): void {
    const ended = this.#stored().filter(({ session_id }) =>
      sessions === 'all' ? session_id !== except : sessions.includes(session_id),
    );
    if (ended.length > 0) this.unsubscribe(ended.map(({ id }) => id));
  }

  list(): Subscription[] {
    return this.#stored().map(shown);
  }

  get settings(): NotificationSettings {
    const stored = this.#timeline.fact('notifications');
    return stored === undefined ? { quiet_hours: null } : NotificationSettings.parse(JSON.parse(stored));
  }

  configure(settings: NotificationSettings): void {
    this.#timeline.setFact('notifications', JSON.stringify(settings));
  }

  /** A conversation has news and no device is connected: is it worth an alert? */
  consider(record: ChatRecord): void {
    if (!this.#hasSubscriptions() || this.#worth(record) === null) return;
    const now = this.#clock();
    if (now - (this.#last.get(record.chat_id) ?? 0) < PAUSE_MS) return;
    const { quiet_hours } = this.settings;
    if (quiet_hours !== null && isQuiet(quiet_hours, now)) return;
    if (this.#last.size > 1000) this.#last.clear();
    this.#last.set(record.chat_id, now);
    this.#enqueue(record.chat_id);
  }

  /** What is to be pushed of a conversation as it is now, until `done`; null when it was read meanwhile, or pushed. */
  take(record: ChatRecord | undefined): Alert | null {
    const message = record === undefined ? null : this.#worth(record);
    if (record?.item == null || message === null) return null;
    const { item, mentions } = record;
    const mentioned = mentions.includes(message.seq);
    return {
      payload: {
        type: 'message',
        chat_id: record.chat_id,
        chat_name: item.name,
        seq: message.seq,
        sender_id: message.sender_id,
        preview: beginning(message.content),
        mentioned,
        unread: item.unread,
      },
      urgent: mentioned || item.type === 'Single',
      targets: this.#stored().map(({ id, endpoint, p256dh, auth }) => ({ id, endpoint, p256dh, auth })),
    };
  }

  /** It was pushed up to here. */
  done(chatId: string, seq: number): void {
    this.#timeline.sql.exec(
      'INSERT INTO pushed VALUES (?, ?) ON CONFLICT (chat_id) DO UPDATE SET seq = max(seq, excluded.seq)',
      chatId,
      seq,
    );
  }

  /** The message that is worth an alert: unread, somebody else's, not pushed, and one of those that the user wants to hear of. */
  #worth({ chat_id, item, mentions }: ChatRecord) {
    if (item === null || item.unread === 0) return null;
    const level = wanted(item);
    if (level === 'none') return null;
    const message = item.last_message;
    if (message === null || message.sender_id === this.#owner || message.seq <= item.read_seq) return null;
    if (level === 'mentions' && !mentions.includes(message.seq)) return null;
    return message.seq > this.#pushed(chat_id) ? message : null;
  }

  #pushed(chatId: string): number {
    if (!this.#timeline.written) return 0;
    return (
      this.#timeline.sql.exec<{ seq: number }>('SELECT seq FROM pushed WHERE chat_id = ?', chatId).toArray()[0]?.seq ??
      0
    );
  }

  #hasSubscriptions(): boolean {
    this.#count ??= this.#stored().length;
    return this.#count > 0;
  }

  #stored(): Stored[] {
    if (!this.#timeline.written) return [];
    return this.#timeline.sql.exec<Stored>('SELECT * FROM push_subscriptions ORDER BY created_at DESC, id').toArray();
  }
}

const shown = ({ id, endpoint, created_at }: Pick<Stored, 'id' | 'endpoint' | 'created_at'>): Subscription => ({
  id,
  service: new URL(endpoint).hostname,
  created_at: timestamp(created_at),
});

/** Not cut inside of a character. */
const beginning = (text: string): string => {
  const characters = Array.from(text.slice(0, 4 * PREVIEW));
  return characters.length <= PREVIEW ? characters.join('') : `${characters.slice(0, PREVIEW - 1).join('')}…`;
};
