import type { Clock } from '../clock.ts';
import type { InboxApi } from '../inbox/api.ts';
import { ok, type Refusal, type Result, refuse } from '../protocol/errors.ts';
import type { ReceiptFrame } from '../protocol/frames.ts';
import type { SendMessage } from '../protocol/messages.ts';
import type { RelayApi } from '../relay/api.ts';
import { GroupCommit } from '../wire/groupcommit.ts';
import { joinFrames } from '../wire/parse.ts';
import { Alarms } from './alarms.ts';
import type { Json, Notice } from './api.ts';
import { type Ask, answer } from './asks.ts';
import type { ChangeRequest } from './changes.ts';
import { Connections } from './connections.ts';
import { type Commit, Conversation, type Sent } from './conversation.ts';
import { expire } from './expiry.ts';
import { eventsFrame, Fanout } from './fanout.ts';
import { type FindPage, type FoundPage, find, readIn } from './find.ts';
import { Listing, type ListingEntry } from './listing.ts';
import { type EventRow, eventJson } from './log.ts';
import type { MemberRow } from './members.ts';
import { Relays } from './relays.ts';
import { sendDue } from './scheduled.ts';
import { DELIVERED_PUSHED_UP_TO, RECEIPTS_PUSHED_UP_TO, receiptPause, sendPause, tierOf } from './tiers.ts';

/** Sends that may wait for the next batch, and characters of their contents; beyond it the room asks for patience. */
const MAX_WAITING = { sends: 20_000, size: 16 * 1024 * 1024 } as const;
const TYPING_EVERY_MS = 3000;
/** When what was due is tried again after a fault, in ms. */
const DUE_AGAIN_MS = 60_000;
/** Pause between two steps of reading messages into the search index. */
const READ_IN_PAUSE_MS = 20;

interface WaitingSend {
  user: string;
  message: SendMessage & { client_id: string };
  answer(result: Result<Sent>): void;
}

interface WaitingChange {
  user: string;
  change: ChangeRequest;
  answer(result: Result<Sent>): void;
}

/** Messages and changes of messages share one queue: what a member sends is stored in the order in which it was sent. */
type Waiting = WaitingSend | WaitingChange;

interface Mark {
  user: string;
  read?: number;
  delivered?: number;
}

export interface RoomPorts {
  relay(name: string): RelayApi;
  inbox(userId: string): Pick<InboxApi, 'notify' | 'signal'>;
  /** Brings a public channel's entry in the directory to this. */
  list(entry: ListingEntry): Promise<void>;
  setAlarm(at: number): void;
  /** Keeps an eye on work that nobody awaits. */
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * A conversation with its audience: admit, append, publish. What is stored is in `Conversation`; here is the order in which
 * it is written and told: one transaction for a batch, then acks and one shared frame in the same turn (the output gate
 * holds them until the write is durable), then inboxes.
 */
export class Room {
  readonly conversation: Conversation;
  readonly connections: Connections;
  readonly fanout: Fanout;
  readonly relays: Relays;
  readonly #alarms: Alarms;
  readonly listing: Listing;
  readonly #clock: Clock;
  readonly #ports: RoomPorts;
  readonly #sends: GroupCommit<Waiting>;
  readonly #marks: GroupCommit<Mark>;
  /** Run after the answers of a batch have been collected: each socket gets its acks as one message. */
  readonly #afterAnswers = new Set<() => void>();
  readonly #typed = new Map<string, number>();
  #readingIn = false;
  /** Characters of the contents that wait. */
  #waitingSize = 0;

  constructor(storage: DurableObjectStorage, open: WebSocket[], clock: Clock, ports: RoomPorts) {
    this.#clock = clock;
    this.#ports = ports;
    this.conversation = new Conversation(storage, clock);
    this.connections = new Connections(open);
    const relaysBehind = () => this.relays.repair(this.conversation.log.head);
    this.#alarms = new Alarms(ports.setAlarm);
    const setAlarm = (at: number) => this.#alarms.guard(at);
    this.fanout = new Fanout(this.conversation, clock, { ...ports, setAlarm, relaysBehind });
    this.relays = new Relays(storage.sql, this.conversation.initialised, ports);
    this.listing = new Listing(this.conversation, clock, { ...ports, guard: (at) => this.fanout.guard(at) });
    this.#sends = new GroupCommit(
      (batch) => this.#commitSends(batch),
      () => sendPause(this.connections.size),
    );
    this.#marks = new GroupCommit(
      (batch) => this.#commitMarks(batch),
      () => receiptPause(this.conversation.chat.member_count),
    );
  }

  /**
   * After a start, before anything else; `alarmAt` is when the object's alarm is to come. A guarding alarm is set as long as
   * anything may be untold. So without one there is nothing to tell, and with one it is all told again.
   */
  wake(alarmAt: number | null): void {
    if (!this.conversation.initialised) return;
    const guards = this.#alarms.resume(alarmAt, this.conversation.timers.next);
    if (alarmAt !== null && guards) this.#resume(alarmAt);
    else this.fanout.rested();
  }

  /** The alarm has come. */
  alarm(): void {
    if (!this.conversation.initialised) return;
    // Set in an earlier life, and on its way already when this one began.
    if (!this.#alarms.expected) this.#resume(this.#clock());
    this.#alarms.rang();
    this.fanout.alarm();
    this.listing.update();
    try {
      this.attend();
    } catch (fault) {
      // The platform repeats a failing alarm a few times only, and then never again.
      this.#ports.log('what was due could not be done', { error: String(fault) });
      this.fanout.guard(this.#clock() + DUE_AGAIN_MS);
    }
  }

  /** Does what is due by now, and has the alarm come for what is due later. Whoever reads or writes after it sees it done. */
  attend(): void {
    if (!this.conversation.exists) return;
    const { conversation } = this;
    const now = this.#clock();
    while (conversation.timers.next !== undefined && conversation.timers.next <= now) {
      const commits = [expire(conversation, now), sendDue(conversation, now)];
      conversation.timers.refresh();
      for (const commit of commits) this.publish(commit);
    }
    this.#alarms.time(conversation.timers.next);
  }

  /** Answers a member who asks for something beside messages. */
  ask(user: string, ask: Ask): Result<Json<never>> {
    this.attend();
    const actor = this.conversation.actor(user);
    const result = actor.ok ? answer(this.conversation, actor.value, ask, this.#clock()) : actor;
    const owed = this.conversation.takeOwed();
    if (owed.length > 0) {
      this.fanout.guard();
      this.fanout.owed(owed);
    }
    this.#alarms.time(this.conversation.initialised ? this.conversation.timers.next : undefined);
    return result.ok ? ok(JSON.stringify(result.value)) : result;
  }

  #resume(alarmAt: number): void {
    this.fanout.resume(alarmAt);
    this.relays.resume(this.conversation.log.head);
  }

  /** Queues a message, or a change of one, for the next batch. `answer` is called once, when it is stored or refused. */
  send(waiting: Waiting): void {
    if (this.#sends.length >= MAX_WAITING.sends || this.#waitingSize >= MAX_WAITING.size) {
      waiting.answer(refuse('rate_limited', 'the conversation is busy: send again later', 1));
      return;
    }
    this.#waitingSize += sizeOf(waiting);
    this.#background(this.#sends.add(waiting));
  }

  /** Queues watermarks of a member. */
  mark(mark: Mark): void {
    this.#background(this.#marks.add(mark));
  }

  /** Who asks for what comes after `seq` holds everything up to it, unless that is a position in another history. */
  holds(user: string, seq: number): void {
    if (seq <= this.conversation.log.head) this.mark({ user, delivered: seq });
  }

  /** Has `flush` called once when the running batch has been answered. */
  afterAnswers(flush: () => void): void {
    this.#afterAnswers.add(flush);
  }

  /** The user looked: from now on their inbox is told again, beginning after what it learns here. */
  look(user: string): Notice | null {
    if (!this.conversation.initialised) return null;
    this.attend();
    const member = this.conversation.members.current(user);
    if (member !== undefined) {
      this.conversation.members.arm(member);
      this.fanout.looked(user);
    }
    const notice = this.conversation.notice(user);
    return notice === null ? null : { ...notice, armed: true };
  }

  /** Searches, and goes on reading messages into the index when not all are in it. */
  search(member: MemberRow, page: FindPage): Result<FoundPage> {
    const found = find(this.conversation, member, page);
    if (found.ok && !found.value.complete && !this.#readingIn) this.#background(this.#readIn());
    return found;
  }

  async #readIn(): Promise<void> {
    this.#readingIn = true;
    try {
      // Between two steps the room does other things.
      do await scheduler.wait(READ_IN_PAUSE_MS);
      while (this.conversation.exists && !readIn(this.conversation));
    } finally {
      this.#readingIn = false;
    }
  }

  /** Passes on that somebody who may write is typing, at most once in three seconds for each user. */
  typing(user: string): void {
    if (!this.conversation.actor(user, 'send').ok) return;
    const now = this.#clock();
    if (now - (this.#typed.get(user) ?? 0) < TYPING_EVERY_MS) return;
    if (this.#typed.size > 1000) this.#typed.clear();
    this.#typed.set(user, now);
    this.#signal(JSON.stringify({ t: 'typing', chat_id: this.conversation.chat.id, user_id: user }), user);
  }

  /** Publishes a change that is in storage since this very turn. */
  publish(commit: Commit): void {
    // What changed nothing may have been asked of a conversation that does not exist.
    if (commit.events.length === 0 && commit.ended.length === 0) return;
    const { chat, log } = this.conversation;
    if (log.takeErased()) this.fanout.forget();
    const deleted = chat.deleted_at !== null;
    if (commit.ended.length > 0) {
      const ended = new Set(commit.ended);
      this.connections.end(({ identity }) => ended.has(identity.user_id), deleted ? 'not_found' : 'forbidden');
    }
    if (commit.events.length > 0) {
      const json = commit.events.map(eventJson);
      const text = eventsFrame(chat.id, chat.epoch, log.head, json);
      this.connections.broadcast(text, log.head, this.#clock(), () => lagFrame(chat.id, log.head));
      this.relays.publish({
        frames: [{ text, head: log.head }],
        ended: deleted ? [] : commit.ended,
        deleted,
        head: log.head,
      });
      this.fanout.guard();
      this.fanout.published(commit.events, json, this.conversation.takeOwed());
      if (this.conversation.takeListing()) this.listing.update();
    }
  }

  #commitSends(batch: Waiting[]): void {
    this.#waitingSize = 0;
    this.attend();
    const now = this.#clock();
    const events: EventRow[] = [];
    let results: Result<Sent>[];
    try {
      const admit = () =>
        batch.map((waiting) => {
          const result = this.#admit(waiting, now);
          if (result.ok && !result.value.duplicate) events.push(result.value.row);
          return result;
        });
      // A send is atomic by itself: a savepoint around a single one would cost as much as its insert.
      results = batch.length === 1 ? admit() : this.conversation.transaction(admit);
    } catch (fault) {
      this.#ports.log('a batch could not be stored', { size: batch.length, error: String(fault) });
      this.conversation.takeOwed();
      results = batch.map(() => UNAVAILABLE);
      events.length = 0;
    }
    for (const [index, waiting] of batch.entries()) this.#answer(waiting, results[index] ?? UNAVAILABLE);
    for (const flush of this.#afterAnswers) flush();
    this.#afterAnswers.clear();
    if (events.length > 0) this.publish({ events, ended: [] });
    if (this.conversation.initialised) this.#alarms.time(this.conversation.timers.next);
  }

  /** Whoever does not take the answer keeps it from nobody else. */
  #answer(waiting: Waiting, result: Result<Sent>): void {
    try {
      waiting.answer(result);
    } catch (fault) {
      this.#ports.log('an answer could not be given', { error: String(fault) });
    }
  }

  /** A send that fails takes only itself down, never its batch. */
  #admit(waiting: Waiting, now: number): Result<Sent> {
    try {
      return 'message' in waiting
        ? this.conversation.send(waiting.user, waiting.message, now)
        : this.conversation.changeMessage(waiting.user, waiting.change, now);
    } catch (fault) {
      this.conversation.log.reload();
      this.#ports.log('a message could not be stored', { error: String(fault) });
      return UNAVAILABLE;
    }
  }

  #commitMarks(batch: Mark[]): void {
    if (!this.conversation.exists) return;
    const { chat, log, members } = this.conversation;
    const readers = new Set<string>();
    const moved = new Set<string>();
    for (const { user, ...marks } of batch) {
      const member = members.current(user);
      if (member === undefined) continue;
      const readBefore = member.read_seq;
      if (!members.advance(member, marks, log.head)) continue;
      moved.add(user);
      if (member.read_seq > readBefore) readers.add(user);
    }
    const pushed =
      chat.member_count > RECEIPTS_PUSHED_UP_TO
        ? []
        : chat.member_count > DELIVERED_PUSHED_UP_TO
          ? [...readers]
          : [...moved];
    if (readers.size === 0 && pushed.length === 0) {
      // Nobody is shown these marks one by one: the alarm stores them.
      if (moved.size > 0) this.fanout.guard();
      return;
    }
    try {
      this.conversation.transaction(() => {
        members.storeMarks({ implied: false });
        for (const user of readers) this.conversation.owe(user);
      });
    } catch (fault) {
      this.conversation.takeOwed();
      this.#ports.log('receipts could not be stored', { error: String(fault) });
      return;
    }
    const frames = pushed.map((user) => {
      const member = members.current(user);
      return JSON.stringify({
        t: 'receipt',
        chat_id: chat.id,
        user_id: user,
        read_seq: member?.read_seq ?? 0,
        delivered_seq: member?.delivered_seq ?? 0,
      } satisfies ReceiptFrame);
    });
    if (frames.length > 0) this.#signal(joinFrames(frames));
    if (readers.size > 0) this.fanout.guard();
    this.fanout.owed(this.conversation.takeOwed());
  }

  /** A signal to the sockets in the room and, in a small room, to devices elsewhere. */
  #signal(frame: string, exceptUser?: string): void {
    this.connections.signal(frame, this.#clock(), exceptUser);
    if (tierOf(this.conversation.chat.member_count) !== 'small') return;
    for (const user of this.fanout.listening()) {
      if (user === exceptUser || this.conversation.members.current(user) === undefined) continue;
      this.#ports.background(this.#ports.inbox(user).signal(frame));
    }
  }

  #background(work: Promise<void> | undefined): void {
    if (work !== undefined) this.#ports.background(work);
  }
}

/** Characters that a waiting message or change keeps in memory, about. */
const sizeOf = (waiting: Waiting): number => {
  if ('message' in waiting) return waiting.message.content.length;
  return waiting.change.change.type === 'edit' ? waiting.change.change.content.length : 0;
};

const UNAVAILABLE = refuse('unavailable', 'it could not be stored: send it again', 1) satisfies {
  ok: false;
  refusal: Refusal;
};

export const lagFrame = (chatId: string, head: number): string =>
  `{"t":"lag","chat_id":"${chatId}","head_seq":${head}}`;
