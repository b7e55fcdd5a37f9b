import { type Clock, isDue, steady } from '../clock.ts';
import type { TicketKeys } from '../files/ticket.ts';
import type { InboxApi } from '../inbox/api.ts';
import { ok, type Refusal, type Result, refuse } from '../protocol/errors.ts';
import type { ReceiptFrame } from '../protocol/frames.ts';
import type { PollView, Preview } from '../protocol/kinds.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { RelayApi } from '../relay/api.ts';
import { groupsWithin, MESSAGE_BYTES } from '../wire/bounds.ts';
import { GroupCommit } from '../wire/groupcommit.ts';
import { joinFrames } from '../wire/parse.ts';
import { limiter, type RateLimiter } from '../wire/rate.ts';
import type { Submission } from './admit.ts';
import { Alarms } from './alarms.ts';
import type { Json, Notice } from './api.ts';
import { type Ask, answer } from './asks.ts';
import type { ChangeRequest } from './changes.ts';
import { type Command, carryOut } from './commands.ts';
import { Connections } from './connections.ts';
import { type Commit, Conversation, type Sent } from './conversation.ts';
import { expire } from './expiry.ts';
import { eventsFrame, Fanout } from './fanout.ts';
import { type FindPage, type FoundPage, find, readIn } from './find.ts';
import { RETRY as LISTING_RETRY, Listing, type ListingEntry } from './listing.ts';
import { type EventRow, eventJson } from './log.ts';
import { type Ballot, closeDue } from './polls.ts';
import { Relays } from './relays.ts';
import { sendDue } from './scheduled.ts';
import {
  DELIVERED_PUSHED_UP_TO,
  RECEIPTS_PUSHED_UP_TO,
  receiptPause,
  SENDS_ENOUGH,
  sendPause,
  tierOf,
} from './tiers.ts';
import { Typing } from './typing.ts';

/** Sends that may wait for the next batch, and characters of their contents; beyond it the room asks for patience. */
const MAX_WAITING = { sends: 20_000, size: 16 * 1024 * 1024 } as const;
/** How long later lives of a room spare the inbox of somebody who is in it, in ms. */
const SPARED_MS = 5 * 60_000;
/** When what was due is tried again after a fault, in ms. */
const DUE_AGAIN_MS = 60_000;
/** Pause between two steps of reading messages into the search index. */
const READ_IN_PAUSE_MS = 20;

interface WaitingSend {
  user: string;
  message: Submission;
  answer(result: Result<Sent>): void;
}

interface WaitingChange {
  user: string;
  change: ChangeRequest;
  answer(result: Result<Sent>): void;
}

/** Messages and changes of messages share one queue: what a member sends is stored in the order in which it was sent. */
type Waiting = WaitingSend | WaitingChange;

interface WaitingVote {
  ballot: Ballot;
  answer(result: Result<PollView>): void;
}

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
  /** Has a link of a message looked up, outside: the answer comes by `previewed`, or never. */
  preview(job: { chat_id: string; seq: number; url: string }): Promise<void>;
  ticketKeys(): TicketKeys;
  /** Rates are enforced. */
  rateLimits?: boolean;
  /** Keeps an eye on work that nobody awaits. */
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * A conversation with its audience: admit, append, publish. What is stored is in `Conversation`; here is the order in which
 * it is written and told: one transaction for a batch, then acks and one shared frame in the same turn (the output gate
 * holds them until the write is durable; see `Connections.broadcast`), then inboxes.
 */
export class Room {
  readonly conversation: Conversation;
  readonly connections: Connections;
  readonly fanout: Fanout;
  readonly relays: Relays;
  readonly #alarms: Alarms;
  readonly listing: Listing;
  readonly #clock: Clock;
  readonly #steady: Clock;
  readonly #ports: RoomPorts;
  readonly #sends: GroupCommit<Waiting>;
  readonly #marks: GroupCommit<Mark>;
  readonly #votes: GroupCommit<WaitingVote>;
  readonly #typing = new Typing();
  #readingIn = false;
  /** Characters of the contents that wait. */
  #waitingSize = 0;
  readonly #perUser: RateLimiter | undefined;
  readonly #perChat: RateLimiter | undefined;

  constructor(storage: DurableObjectStorage, open: WebSocket[], clock: Clock, ports: RoomPorts) {
    this.#clock = clock;
    this.#steady = steady(clock);
    const clocked = { ...ports, steady: this.#steady };
    this.#ports = ports;
    this.#perUser = limiter('sendsPerUser', ports.rateLimits ?? false);
    this.#perChat = limiter('sendsPerChat', ports.rateLimits ?? false);
    this.conversation = new Conversation(storage, clock, {
      ticketKeys: ports.ticketKeys,
      online: () => this.#online(),
    });
    this.connections = new Connections(open, {
      afterCommit: (act) => this.#background(storage.sync().then(act)),
      gone: (user) => this.#left(user),
    });
    const relaysBehind = () => this.relays.repair(this.conversation.log.head);
    this.#alarms = new Alarms((at) => {
      ports.setAlarm(at);
      this.fanout.superseded();
    });
    const setAlarm = (at: number) => this.#alarms.guard(at);
    const here = (user: string) => this.connections.countOf(user) > 0;
    const hush = (user: string, hushed: boolean) => this.connections.hush(user, hushed ? clock() : undefined);
    this.fanout = new Fanout(this.conversation, clock, { ...clocked, setAlarm, relaysBehind, here, hush });
    this.relays = new Relays(storage.sql, this.conversation.initialised, ports);
    this.listing = new Listing(this.conversation, clock, { ...clocked, guard: (at) => this.fanout.guard(at) });
    this.#sends = new GroupCommit(
      (batch) => this.#commitSends(batch),
      () => sendPause(this.connections.size),
      SENDS_ENOUGH,
    );
    this.#marks = new GroupCommit(
      (batch) => this.#commitMarks(batch),
      () => this.#receiptPause(),
    );
    this.#votes = new GroupCommit(
      (batch) => this.#commitVotes(batch),
      () => this.#receiptPause(),
    );
  }

  /**
   * After a start, before anything else; `alarmAt` is when the object's alarm is to come. A guarding alarm is set as long as
   * anything may be untold. So without one there is nothing to tell, and with one it is all told again.
   */
  wake(alarmAt: number | null): void {
    if (!this.conversation.initialised) return;
    this.#spareThoseHere();
    const guards = this.#alarms.resume(alarmAt, this.conversation.timers.next);
    if (alarmAt === null || !guards) {
      this.fanout.rested();
      return;
    }
    // One whose time has passed has failed, or did not come to its end, and the platform repeats it a few times only.
    if (isDue(alarmAt, this.#clock(), LISTING_RETRY.longest)) this.fanout.guard();
    else this.fanout.guarded(alarmAt);
    this.#resume();
  }

  /**
   * Who is here, and whose inbox was told so lately in an earlier life, is spared. Not for ever: the far side of a socket may have
   * gone without a word, and then its user is to be pushed to.
   */
  #spareThoseHere(): void {
    const { conversation } = this;
    if (!conversation.exists || tierOf(conversation.chat.member_count) !== 'small') return;
    const now = this.#clock();
    for (const { hushedAt = Number.NEGATIVE_INFINITY, identity } of this.connections) {
      const lately = hushedAt <= now && now - hushedAt < SPARED_MS;
      const member = lately ? conversation.members.current(identity.user_id) : undefined;
      if (member !== undefined) conversation.members.disarm(member, { lasting: false });
    }
  }

  /** The alarm has come. @returns when it is over, if it lasts: until then it guards what is untold */
  alarm(): Promise<void> | undefined {
    if (!this.conversation.initialised) return undefined;
    // Set in an earlier life, and on its way already when this one began.
    if (!this.#alarms.expected) this.#resume();
    this.#alarms.rang();
    const lasts = this.fanout.alarm();
    try {
      this.listing.update();
      this.attend();
    } catch (fault) {
      // The platform repeats a failing alarm a few times only, and then never again.
      this.#ports.log('what was due could not be done', { error: String(fault) });
      this.fanout.guard(this.#clock() + DUE_AGAIN_MS);
    }
    return lasts;
  }

  /** Does what is due by now, and has the alarm come for what is due later. Whoever reads or writes after it sees it done. */
  attend(): void {
    if (!this.conversation.exists) return;
    const { conversation } = this;
    const now = this.#clock();
    while (conversation.timers.next !== undefined && conversation.timers.next <= now) {
      const commits = [expire(conversation, now), sendDue(conversation, now), closeDue(conversation, now)];
      // failpoint: room.due
      conversation.timers.refresh();
      for (const commit of commits) this.publish(commit);
      this.#lookUp(now);
    }
    this.#alarms.time(conversation.timers.next);
  }

  /** Has links looked up that messages have brought, or that nobody has answered for. */
  #lookUp(now: number): void {
    const { conversation } = this;
    if (!conversation.exists || (conversation.timers.next ?? now + 1) > now) return;
    const { id } = conversation.chat;
    for (const link of conversation.previews.take(now)) this.#background(this.#ports.preview({ chat_id: id, ...link }));
  }

  /** What was found behind the link of a message. */
  previewed(seq: number, url: string, preview: Preview | null): void {
    const { conversation } = this;
    if (!conversation.exists) return;
    this.publish(conversation.transaction(() => conversation.previews.answer(seq, url, preview)));
  }

  /** Answers a member who asks for something beside messages. */
  ask(user: string, ask: Ask): Result<Json<never>> {
    this.attend();
    const actor = this.conversation.actor(user);
    const result = actor.ok ? answer(this.conversation, actor.value, ask, this.#clock()) : actor;
    // failpoint: room.asked
    const owed = this.conversation.takeOwed();
    if (owed.length > 0) {
      this.fanout.guard();
      this.fanout.owed(owed);
    }
    this.#alarms.time(this.conversation.initialised ? this.conversation.timers.next : undefined);
    return result.ok ? ok(JSON.stringify(result.value)) : result;
  }

  /** Carries out what somebody does about people, and publishes it. */
  manage(user: string, command: Command): Result<unknown> {
    this.attend();
    const outcome = carryOut(this.conversation, user, command);
    if (!outcome.ok) return outcome;
    this.publish(outcome.value.commit);
    return ok(outcome.value.value);
  }

  /** Whether the user may fetch a file: one that a message carries now. */
  file(user: string, fileId: string): Result<null> {
    this.attend();
    return this.conversation.file(user, fileId);
  }

  #resume(): void {
    this.fanout.resume();
    this.relays.resume(this.conversation.log.head);
  }

  /** Queues a message, or a change of one, for the next batch. `answer` is called once, when it is stored or refused. */
  send(waiting: Waiting): void {
    if (this.#sends.length >= MAX_WAITING.sends || this.#waitingSize >= MAX_WAITING.size) {
      waiting.answer(refuse('rate_limited', 'the conversation is busy: send again later', 1));
      return;
    }
    const wait = this.#waitToSend(waiting.user);
    if (wait > 0) {
      waiting.answer(refuse('rate_limited', `too many messages: send again in ${wait} s`, wait));
      return;
    }
    this.#waitingSize += sizeOf(waiting);
    this.#background(this.#sends.add(waiting));
  }

  /** Queues a vote: what comes while others are told of a result is the next one. */
  vote(waiting: WaitingVote): void {
    if (this.#votes.length >= MAX_WAITING.sends) waiting.answer(refuse('rate_limited', 'too many votes: try again', 1));
    else this.#background(this.#votes.add(waiting));
  }

  /** Ends a poll. */
  closePoll(user: string, seq: number): Result<PollView> {
    const { conversation } = this;
    this.attend();
    const closed = conversation.transaction(() => conversation.polls.close(user, seq, this.#clock()));
    if (!closed.ok) return closed;
    this.publish({ events: closed.value, ended: [] });
    return conversation.polls.view(user, seq, this.#clock());
  }

  #commitVotes(batch: WaitingVote[]): void {
    const { conversation } = this;
    let answers: (() => void)[] = [];
    let events: EventRow[] = [];
    try {
      this.attend();
      const now = this.#clock();
      conversation.transaction(() => {
        const moved = new Set<number>();
        const taken = batch.map(({ ballot }) => {
          const result = conversation.polls.vote(ballot, now);
          if (result.ok && result.value) moved.add(ballot.seq);
          return result;
        });
        events = [...moved].flatMap((seq) => conversation.polls.tally(seq));
        answers = batch.map(({ ballot, answer }, index) => () => {
          const result = taken[index] ?? UNAVAILABLE;
          answer(result.ok ? conversation.polls.view(ballot.user, ballot.seq, now) : result);
        });
      });
    } catch (fault) {
      this.#ports.log('votes could not be stored', { size: batch.length, error: String(fault) });
      events = [];
      answers = batch.map(
        ({ answer }) =>
          () =>
            answer(UNAVAILABLE),
      );
    }
    // failpoint: room.voted
    for (const answer of answers) answer();
    if (events.length > 0) this.publish({ events, ended: [] });
  }

  /** Where there is no conversation, nobody is to be spared. */
  #receiptPause(): number {
    return this.conversation.initialised ? receiptPause(this.conversation.chat.member_count) : 0;
  }

  /** Seconds until the user may send, and the conversation take, another message; 0: now. */
  #waitToSend(user: string): number {
    // Whoever is no member uses up nobody's share.
    if (this.#perUser === undefined || !this.conversation.actor(user).ok) return 0;
    const now = this.#clock();
    return this.#perUser.take(user, now) || (this.#perChat?.take('', now) ?? 0);
  }

  /** Queues watermarks of a member. */
  mark(mark: Mark): void {
    this.#background(this.#marks.add(mark));
  }

  /** Who asks for what comes after `seq` holds everything up to it, unless that is a position in another history. */
  holds(user: string, seq: number): void {
    if (seq <= this.conversation.log.head) this.mark({ user, delivered: seq });
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
  search(user: string, page: FindPage): Result<FoundPage> {
    this.attend();
    const actor = this.conversation.actor(user);
    if (!actor.ok) return actor;
    const found = find(this.conversation, actor.value, page);
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

  /** Passes on that somebody who may write is typing, or has stopped. */
  typing(user: string, stop = false): void {
    if (!this.conversation.actor(user, 'send').ok || !this.#typing.take(user, stop, this.#steady())) return;
    const chat_id = this.conversation.chat.id;
    this.#signal(JSON.stringify({ t: 'typing', chat_id, user_id: user, ...(stop ? { stop } : {}) }), user);
  }

  /** A socket of the user is gone. Where it was their last one, a small room tells their inbox of everything again. */
  #left(user: string): void {
    const { conversation } = this;
    if (!conversation.exists || tierOf(conversation.chat.member_count) !== 'small') return;
    const member = conversation.members.current(user);
    if (member === undefined || this.connections.countOf(user) > 0) return;
    conversation.members.arm(member);
    this.fanout.left(user);
  }

  /** Users who are known to be online: with a socket in the room, or a device that their inbox told of. */
  #online(): Set<string> {
    const online = new Set(this.fanout.listening());
    for (const { identity } of this.connections) online.add(identity.user_id);
    return online;
  }

  /** Publishes a message that is in storage since this very turn. */
  placed(result: Result<Sent>): Result<Sent> {
    if (result.ok && !result.value.duplicate) this.publish({ events: [result.value.row], ended: [] });
    return result;
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
      const frames = this.#frames(commit.events, json);
      for (const { text, head } of frames) {
        this.connections.broadcast(text, head, this.#clock(), () => lagFrame(chat.id, log.head));
      }
      // failpoint: room.broadcast
      this.relays.publish({
        frames,
        ended: deleted ? [] : commit.ended,
        deleted,
        head: log.head,
      });
      // failpoint: room.relayed
      this.fanout.guard();
      // failpoint: room.guarded
      this.fanout.published(commit.events, json, this.conversation.takeOwed());
      if (this.conversation.takeListing()) this.listing.update();
      // failpoint: room.published
    }
  }

  /** Events in as few frames as their size allows, each with the head that it leads to. */
  #frames(events: EventRow[], json: string[]): { text: string; head: number }[] {
    const { chat, log } = this.conversation;
    const groups = groupsWithin(json, MESSAGE_BYTES);
    let told = 0;
    return groups.map((group, index) => {
      told += group.length;
      const head = index === groups.length - 1 ? log.head : (events[told - 1]?.seq ?? log.head);
      return { text: eventsFrame(chat.id, chat.epoch, head, group), head };
    });
  }

  /** The log has another history from here on: everybody is told, whatever they know. */
  renew(): void {
    if (!this.conversation.exists) return;
    this.conversation.renew();
    const { chat, log } = this.conversation;
    const text = eventsFrame(chat.id, chat.epoch, log.head, []);
    this.connections.broadcast(text, log.head, this.#clock(), () => lagFrame(chat.id, log.head));
    this.relays.publish({ frames: [{ text, head: log.head }], ended: [], deleted: false, head: log.head });
    this.fanout.guard();
    this.fanout.published([], [], []);
  }

  /** Tells the directory again how a public channel is. */
  relist(): void {
    if (this.conversation.exists && this.conversation.chat.type === 'PublicChannel') this.listing.again();
  }

  /** Tells these users' inboxes again how things are for them. */
  retell(users: string[]): void {
    if (!this.conversation.initialised) return;
    this.conversation.transaction(() => {
      for (const user of users) this.conversation.owe(user);
    });
    this.fanout.guard();
    this.fanout.owed(this.conversation.takeOwed());
  }

  #commitSends(batch: Waiting[]): void {
    this.#waitingSize = 0;
    const events: EventRow[] = [];
    let results: Result<Sent>[];
    try {
      // First, so that what was due before has the earlier time, too.
      this.attend();
      const now = this.#clock();
      // failpoint: room.admit
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
    // failpoint: room.appended
    for (const [index, waiting] of batch.entries()) this.#answer(waiting, results[index] ?? UNAVAILABLE);
    try {
      if (events.length > 0) this.publish({ events, ended: [] });
    } finally {
      this.connections.flush();
    }
    // failpoint: room.acked
    this.#lookUp(this.#clock());
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
        members.storeMarks({ implied: false, among: chat.member_count });
        for (const user of readers) this.conversation.owe(user);
      });
    } catch (fault) {
      this.conversation.takeOwed();
      this.#ports.log('receipts could not be stored', { error: String(fault) });
      return;
    }
    // failpoint: room.marked
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
  const said = 'message' in waiting ? waiting.message : waiting.change.change;
  if (!('content' in said)) return 0;
  const custom = 'custom' in said && said.custom !== undefined ? LIMITS.customBytes : 0;
  return said.content.length + (said.entities?.length ?? 0) * 100 + custom;
};

const UNAVAILABLE = refuse('unavailable', 'it could not be stored: send it again', 1) satisfies {
  ok: false;
  refusal: Refusal;
};

export const lagFrame = (chatId: string, head: number): string =>
  `{"t":"lag","chat_id":"${chatId}","head_seq":${head}}`;
