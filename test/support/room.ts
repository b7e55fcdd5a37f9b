import type { Notice, NoticeAnswer } from '../../src/conversation/api.ts';
import type { Command } from '../../src/conversation/commands.ts';
import type { Commit, Conversation, Sent } from '../../src/conversation/conversation.ts';
import type { ListingEntry } from '../../src/conversation/listing.ts';
import { Room, type RoomPorts } from '../../src/conversation/room.ts';
import type { TicketKeys } from '../../src/files/ticket.ts';
import type { MessageChange } from '../../src/protocol/changes.ts';
import type { Result } from '../../src/protocol/errors.ts';
import type { PollView } from '../../src/protocol/kinds.ts';
import type { SendMessage } from '../../src/protocol/messages.ts';
import type { RelayApi, RelayBatch } from '../../src/relay/api.ts';
import { newConversation, TestClock, value } from './objects.ts';

/** The keys of the tickets that these rooms believe. */
export const TICKET_KEYS: TicketKeys = [{ kid: 'test', secret: new Uint8Array(32).fill(7) }];

/** The far side of a room's ports: inboxes that answer as a test says, and an alarm that rings when the test rings it. */
export class TestInboxes {
  /** Notices that arrived, by user, oldest first. */
  readonly told = new Map<string, Notice[]>();
  /** Links that are to be looked up. */
  readonly links: { chat_id: string; seq: number; url: string }[] = [];
  readonly signals = new Map<string, string[]>();
  /** Device sockets that a user's inbox answers with. */
  readonly devices = new Map<string, number>();
  /** Faults that the room has written to its log. */
  readonly faults: string[] = [];
  /** What was sent to relays, the sockets with which each answers, and what happens before it does. */
  readonly batches: { relay: string; batch: RelayBatch }[] = [];
  readonly relaySockets = new Map<string, number>();
  beforeRelay: (relay: string) => void | Promise<void> = () => undefined;
  /** What the directory was told, and what happens before it is. */
  readonly listed: ListingEntry[] = [];
  beforeListing: (entry: ListingEntry) => void | Promise<void> = () => undefined;
  readonly #pending = new Set<Promise<void>>();
  alarmAt: number | undefined;
  /** How often the alarm was set. */
  alarmsSet = 0;
  /** The time of an alarm that has come and lasts: the platform repeats it should it not come to its end. */
  lasting: number | undefined;
  /** Called before a notice arrives: throws or waits in the test's place of the network. */
  before: (userId: string, notice: Notice) => void | Promise<void> = () => undefined;
  /** Called when a notice has arrived, before the answer goes back. */
  after: (userId: string, notice: Notice) => void | Promise<void> = () => undefined;

  readonly ports: RoomPorts = {
    inbox: (userId: string) => ({
      notify: async (notice: Notice): Promise<NoticeAnswer> => {
        await this.before(userId, notice);
        const list = this.told.get(userId) ?? [];
        list.push(notice);
        this.told.set(userId, list);
        const devices = this.devices.get(userId) ?? 0;
        await this.after(userId, notice);
        return { devices };
      },
      signal: async (frame: string): Promise<void> => {
        this.signals.set(userId, [...(this.signals.get(userId) ?? []), frame]);
      },
    }),
    relay: (name: string): RelayApi => ({
      publish: async (batch: RelayBatch) => {
        this.batches.push({ relay: name, batch });
        await this.beforeRelay(name);
        return { sockets: this.relaySockets.get(name) ?? 0 };
      },
      endSessions: async () => undefined,
    }),
    preview: async (job) => void this.links.push(job),
    ticketKeys: () => TICKET_KEYS,
    list: async (entry: ListingEntry): Promise<void> => {
      await this.beforeListing(entry);
      this.listed.push(entry);
    },
    setAlarm: (at: number): void => {
      this.alarmsSet += 1;
      this.alarmAt = at;
      this.lasting = undefined;
    },
    background: (work: Promise<void>): void => {
      const watched = work
        .catch((fault: unknown) => {
          this.faults.push(`background: ${String(fault)}`);
        })
        .finally(() => this.#pending.delete(watched));
      this.#pending.add(watched);
    },
    log: (message: string, fields: Record<string, unknown>): void => {
      this.faults.push(`${message} ${JSON.stringify(fields)}`);
    },
  };

  /** Head of the last notice that arrived; 0 before the first. */
  head(userId: string): number {
    return Math.max(0, ...(this.told.get(userId) ?? []).map((notice) => notice.chat.head_seq));
  }

  count(userId: string): number {
    return this.told.get(userId)?.length ?? 0;
  }

  last(userId: string): Notice | undefined {
    return this.told.get(userId)?.at(-1);
  }

  /** Waits until no work of the room is under way, timers between calls excepted. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

/** A room over a storage, with its clock and its inboxes in the test's hands. */
export class TestRoom {
  readonly storage: DurableObjectStorage;
  readonly clock: TestClock;
  readonly inboxes: TestInboxes;
  room: Room;
  #ids = 0;

  constructor(storage: DurableObjectStorage, clock = new TestClock(), inboxes = new TestInboxes()) {
    this.storage = storage;
    this.clock = clock;
    this.inboxes = inboxes;
    this.room = this.#start();
  }

  get conversation(): Conversation {
    return this.room.conversation;
  }

  create(members: string[], fields: Parameters<typeof newConversation>[1] = {}): void {
    this.room.publish(this.conversation.create(newConversation(members, fields)).commit);
  }

  /** The room is dropped with all that it had in memory, and begins again over its storage, with the sockets that outlast it. */
  restart(open: WebSocket[] = []): void {
    // An alarm that has not come to its end comes again.
    this.inboxes.alarmAt ??= this.inboxes.lasting;
    this.inboxes.lasting = undefined;
    this.room = this.#start(open);
  }

  #start(open: WebSocket[] = []): Room {
    const room = new Room(this.storage, open, this.clock.read, this.inboxes.ports);
    room.wake(this.inboxes.alarmAt ?? null);
    return room;
  }

  /** Sends; with a `client_id` of its own unless `fields` names one. */
  send(user: string, content = 'hello', fields: Partial<SendMessage> = {}): Promise<Result<Sent>> {
    const client_id = fields.client_id ?? `c${++this.#ids}`;
    return new Promise((answer) => {
      this.room.send({ user, message: { kind: 'text', content, ...fields, client_id }, answer });
    });
  }

  /** Votes in a poll. */
  vote(user: string, seq: number, options: number[]): Promise<Result<PollView>> {
    return new Promise((answer) => this.room.vote({ ballot: { user, seq, options }, answer }));
  }

  async sent(user: string, content?: string, fields?: Partial<SendMessage>): Promise<number> {
    return value(await this.send(user, content, fields)).row.seq;
  }

  /** Sends so many messages, and waits after each until everybody is told. */
  async say(user: string, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await this.sent(user);
      await this.inboxes.settled();
    }
  }

  /** Changes a message. */
  change(user: string, seq: number, change: MessageChange, client_id?: string): Promise<Result<Sent>> {
    const request = { seq, change, ...(client_id === undefined ? {} : { client_id }) };
    return new Promise((answer) => this.room.send({ user, change: request, answer }));
  }

  /** Publishes a change of the conversation, unless it was refused. */
  publish(result: Result<Commit>): Result<Commit> {
    if (result.ok) this.room.publish(result.value);
    return result;
  }

  /** Carries out a command about people, and publishes what it did. */
  manage(user: string, command: Command): Result<unknown> {
    return this.room.manage(user, command);
  }

  /** Rings the alarm if it is set, at its time. Returns whether it was. */
  ring(): boolean {
    const at = this.inboxes.alarmAt;
    if (at === undefined) return false;
    this.inboxes.alarmAt = undefined;
    this.clock.now = Math.max(this.clock.now, at);
    const lasts = this.room.alarm();
    if (lasts !== undefined) {
      this.inboxes.lasting = this.inboxes.alarmAt === undefined ? at : undefined;
      this.inboxes.ports.background(
        lasts.then(() => {
          this.inboxes.lasting = undefined;
        }),
      );
    }
    return true;
  }

  /** Rings as long as the room asks for it. Fails when it does not stop. */
  async ringUntilQuiet(most = 50): Promise<number> {
    await this.inboxes.settled();
    for (let rings = 0; rings < most; rings++) {
      if (!this.ring()) return rings;
      // Notices that are spaced out wait on timers, which know nothing of the test's clock.
      if (rings > 2) await scheduler.wait(20);
      await this.inboxes.settled();
    }
    throw new Error(`the alarm still rings after ${most} times`);
  }

  rows(table: 'outbox' | 'events' | 'members' | 'mentions' | 'listing'): number {
    return this.storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
  }
}
