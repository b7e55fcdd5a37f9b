import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { CatchUp, Notice, RoomApi } from '../../src/conversation/api.ts';
import { newId } from '../../src/ids.ts';
import { Device } from '../../src/inbox/devices.ts';
import { Inbox } from '../../src/inbox/inbox.ts';
import type { Item } from '../../src/inbox/items.ts';
import { refuse } from '../../src/protocol/errors.ts';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { type Change, type SyncRequest, SyncResponse } from '../../src/protocol/sync.ts';
import type { Presence } from '../../src/protocol/users.ts';
import { identity, newUser, TestClock, value } from './objects.ts';

type RoomCalls = Pick<RoomApi, 'look' | 'catchUp' | 'submit' | 'exchange' | 'endSessions' | 'search'>;

/** The far side of an inbox's ports: rooms that answer as a test says. */
export class TestRooms {
  readonly calls: { call: keyof RoomCalls | 'meet'; id: string }[] = [];
  readonly faults: string[] = [];
  look: (chatId: string) => Notice | null | Promise<Notice | null> = () => null;
  catchUp: (chatId: string, page: { after: number; bytes: number }) => CatchUp | Promise<CatchUp> = () => {
    throw new Error('no events in this test');
  };
  submit: RoomCalls['submit'] = async () => [];
  exchange: RoomCalls['exchange'] = async (user, frames) => ({
    answers: await this.submit(user, frames),
    notice: undefined,
  });
  search: (chatId: string, ...args: Parameters<RoomCalls['search']>) => ReturnType<RoomCalls['search']> = async () =>
    refuse('not_found', 'no search in this test');
  endSessions: (chatId: string, ...args: Parameters<RoomCalls['endSessions']>) => void | Promise<void> = () =>
    undefined;
  meet: (userId: string, peer: Presence) => Presence | null = () => null;

  room(chatId: string): RoomCalls {
    const note = (call: keyof RoomCalls) => this.calls.push({ call, id: chatId });
    return {
      look: async () => {
        note('look');
        return this.look(chatId);
      },
      search: (...args) => {
        note('search');
        return this.search(chatId, ...args);
      },
      catchUp: async (_user, page) => {
        note('catchUp');
        return { ok: true, value: await this.catchUp(chatId, page) };
      },
      submit: async (user, frames) => {
        note('submit');
        return this.submit(user, frames);
      },
      exchange: async (user, frames) => {
        note('exchange');
        return this.exchange(user, frames);
      },
      endSessions: async (user, which) => {
        note('endSessions');
        await this.endSessions(chatId, user, which);
      },
    };
  }

  count(call: keyof RoomCalls | 'meet', id?: string): number {
    return this.calls.filter((one) => one.call === call && (id === undefined || one.id === id)).length;
  }
}

/** A client's side of a device socket. */
export class TestDevice {
  readonly device: Device;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(userId: string, fields: Parameters<typeof identity>[1] = {}) {
    const { 0: client, 1: server } = new WebSocketPair();
    client.addEventListener('message', ({ data }) => {
      const message: unknown = JSON.parse(String(data));
      for (const frame of Array.isArray(message) ? message : [message]) this.frames.push(ServerFrame.parse(frame));
    });
    this.closed = new Promise((resolve) => {
      client.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
    });
    client.accept();
    server.accept();
    this.device = new Device(server, identity(userId, fields), 0);
  }

  of<T extends ServerFrame['t']>(t: T): Extract<ServerFrame, { t: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { t: T }> => frame.t === t);
  }
}

/** An alarm that is due this soon comes by itself, in ms. */
const ALARM_WITHIN_MS = 3000;

/** An inbox over a storage, with its clock and its rooms in the test's hands. */
export class TestInbox {
  readonly owner: string;
  readonly storage: DurableObjectStorage;
  readonly clock = new TestClock();
  readonly rooms = new TestRooms();
  /** Conversations that the queue was told to push, in order. */
  readonly alerted: string[] = [];
  /** How often the queue was told to mail the user. */
  mails = 0;
  readonly #pending = new Set<Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  inbox: Inbox;

  constructor(storage: DurableObjectStorage, owner = newUser()) {
    this.storage = storage;
    this.owner = owner;
    this.clock.now = Date.now();
    this.inbox = this.#start();
  }

  /** The alarm comes at its time, as the object's does, unless the test rings it before. */
  #wake(): void {
    const { due } = this.inbox;
    if (due === null || due - this.clock.now > ALARM_WITHIN_MS) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ring(), due - this.clock.now);
  }

  /** Rings the alarm if it is set, at its time. Returns how long that was ahead, in ms; null: it is not set. */
  async ring(): Promise<number | null> {
    const wait = this.#ring();
    await this.settled();
    return wait;
  }

  #ring(): number | null {
    clearTimeout(this.#timer);
    const { due } = this.inbox;
    if (due === null) return null;
    const wait = Math.max(0, due - this.clock.now);
    this.clock.pass(wait);
    this.inbox.alarm();
    return wait;
  }

  #start(open: WebSocket[] = []): Inbox {
    return new Inbox(this.storage, open, this.clock.read, {
      owner: this.owner,
      room: (chatId) => this.rooms.room(chatId),
      peer: (userId) => ({
        meet: async (peer) => {
          this.rooms.calls.push({ call: 'meet', id: userId });
          return this.rooms.meet(userId, peer);
        },
      }),
      alert: (chatId) => this.alerted.push(chatId),
      mail: () => void this.mails++,
      wake: () => this.#wake(),
      background: (work) => this.background(work),
      log: (message, fields) => this.rooms.faults.push(`${message} ${JSON.stringify(fields)}`),
    });
  }

  background(work: Promise<void>): void {
    const watched = work
      .catch((fault: unknown) => {
        this.rooms.faults.push(`background: ${String(fault)}`);
      })
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** The inbox is dropped with all that it had in memory, and begins again over its storage. */
  restart(open: WebSocket[] = []): void {
    clearTimeout(this.#timer);
    this.inbox = this.#start(open);
  }

  /** A device that comes. */
  connect(cursor?: string, fields: Parameters<typeof identity>[1] = {}): TestDevice {
    const device = new TestDevice(this.owner, fields);
    this.background(this.inbox.welcome(device.device, cursor));
    return device;
  }

  async sync(request: SyncRequest = {}): Promise<SyncResponse> {
    return SyncResponse.parse(JSON.parse(value(await this.inbox.sync(request))));
  }
}

/** Runs `work` over the storage of an inbox object that nobody else uses. */
export const withInbox = <T>(work: (test: TestInbox) => T | Promise<T>): Promise<T> =>
  runInDurableObject(env.INBOXES.get(env.INBOXES.newUniqueId()), (_inbox, state) => work(new TestInbox(state.storage)));

/** A row of a contact who is a friend; `remark` null: the row is gone. */
export const friend = (user_id: string, version: number, remark: string | null): Item => ({
  kind: 'contact',
  id: user_id,
  version,
  value:
    remark === null
      ? null
      : {
          user_id,
          state: 'friend',
          request: null,
          since: new Date(0).toISOString(),
          remark,
          group_ids: [],
          blocked: false,
        },
});

/** Changes of conversations alone. */
export const ofChats = (changes: readonly Change[]) => changes.filter((change) => 'chat_id' in change);

/** Which row a change is of. */
export const rowOf = (change: Change): string => ('chat_id' in change ? change.chat_id : change.id);

/** What a room of `head` events, all of them messages, tells a member. */
export function notice(
  fields: Partial<Omit<Notice, 'chat' | 'member'>> & { chat_id?: string; head?: number; read?: number } = {},
): Notice {
  const { chat_id = newId('chat'), head = 1, read = 0, ...rest } = fields;
  const at = new Date(Date.UTC(2026, 10, 21) + head * 1000).toISOString();
  return {
    chat: {
      id: chat_id,
      name: 'a group',
      type: 'Group',
      workspace_id: null,
      history: 'all',
      forwards: 'allowed',
      previews: 'on',
      member_count: 2,
      fanout: 'small',
      epoch: 'e',
      head_seq: head,
      created_by: newUser(),
      created_at: at,
      updated_at: at,
    },
    member:
      rest.gone === undefined
        ? { role: 'member', joined_at: at, visible_from: 1, read_seq: read, read_messages: read, delivered_seq: read }
        : null,
    member_seq: 1,
    messages: head,
    last_message: null,
    mentions: [],
    armed: true,
    ...rest,
  };
}
