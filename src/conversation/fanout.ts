import { type Clock, isDue } from '../clock.ts';
import type { InboxApi } from '../inbox/api.ts';
import { fits, MESSAGE_BYTES } from '../wire/bounds.ts';
import type { Notice } from './api.ts';
import type { Conversation } from './conversation.ts';
import { type EventRow, eventJson } from './log.ts';
import type { MemberRow } from './members.ts';
import { RECENT, Recent } from './recent.ts';
import { HUGE_NOTICE_RATE, IDLE_NOTICE_RATE, tierOf } from './tiers.ts';
import { Timetable } from './timetable.ts';

/** Calls to inboxes under way at once from one room. */
const PARALLEL = 64;
/** Events that a notice carries to an inbox in which no device was listening. */
const IDLE_FRAME_EVENTS = 32;
/**
 * The alarm that guards the outbox comes this long after the append that sets it, in ms, when nothing has gone wrong: before the
 * object may be put to sleep for having nothing to do (after 10 s), so that the life that did the telling also sees the alarm.
 * Not later, however many are told: a life that slept before its alarm is followed by one that tells everybody again, and
 * may sleep before its alarm too.
 */
export const GUARD_MS = 5000;
/**
 * Where something was published so recently, in ms, when the alarm comes, it sets the next one itself: one that ends, and is set
 * again by the next message, costs a commit more.
 */
const BUSY_MS = 2000;
/**
 * So far ahead, in ms: the alarm is itself something to do, after which the object stays for ten seconds. Appends on the way set
 * none of their own. Not so for the first one, which as a rule is for a message that comes alone: the sooner it has come, the
 * sooner the object sleeps.
 */
export const BUSY_GUARD_MS = 8000;
const RETRY = { first: 1000, longest: 60_000 } as const;
/**
 * How often an alarm that lasts looks for calls that hang, and how long it lasts at most, in ms; the platform ends one after 15
 * minutes.
 */
const TELLING = { look: 1000, longest: 600_000 } as const;
/** A call that has not been answered for so long, in ms, counts as failed; its place goes to another. */
const CALL_TIMEOUT_MS = 30_000;

interface Recipient {
  /** Head at the last notice that arrived. */
  told: number;
  running: boolean;
  /** Calls made so far: the number of the one under way, so that one that was given up is not heard any more. */
  calls: number;
  /** When the call under way began, by the steady clock; undefined while there is none. */
  since: number | undefined;
  /** There is news since the notice that is under way. */
  again: boolean;
  /** Something other than the head has changed for this user (a watermark, the membership): tell even at the same head. */
  forced: boolean;
  /** Device sockets at the last answer; undefined before the first one. */
  devices: number | undefined;
  /** How often the user looked, or left the room: an answer that is older than that must not disarm. */
  looks: number;
  /** When the next notice would be due if they came at the agreed rate, by the steady clock. */
  scheduled: number;
}

export interface FanoutPorts {
  /** For pauses and timeouts; what is stored goes by the other clock. */
  steady: Clock;
  inbox(userId: string): Pick<InboxApi, 'notify'>;
  /** Whether the user has a socket in the room. */
  here(userId: string): boolean;
  /** Notes for later lives whether the last that the user's inbox was told is that it is told no more while they are here. */
  hush(userId: string, hushed: boolean): void;
  setAlarm(at: number): void;
  /** Tries relays again that missed something. Whether any is still to be told. */
  relaysBehind(): boolean;
  /** Keeps an eye on work that nobody awaits. */
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * Tells inboxes what is new: the watermark outbox. What may have to be told is known from storage alone: everything, as long
 * as the alarm is set that each append sets in its own turn, and the users in `outbox` (a failed call, a change of
 * membership, a read mark). So a crash at any point loses nothing: the next start, or the alarm, tells it again, and telling
 * twice changes nothing. One call per user at a time; news that comes meanwhile goes with the next call, all at once.
 */
export class Fanout {
  readonly #conversation: Conversation;
  readonly #clock: Clock;
  readonly #ports: FanoutPorts;
  readonly #recipients = new Map<string, Recipient>();
  /** Recipients whose call is to be made as soon as there is a place: a queue that begins at `#first`. */
  #waiting: string[] = [];
  #first = 0;
  /** Recipients whose next call is not to be made yet. */
  readonly #later = new Timetable((userId) => this.#enqueue(userId));
  /** Users who may have a row in `outbox`, as far as this life has met them. */
  readonly #outbox = new Set<string>();
  #active = 0;
  #behind = 0;
  #alarmAt: number | undefined;
  /**
   * Has the alarm that lasts look whether it is over; undefined: none does. One that lasts guards what is untold: the platform
   * repeats it if it does not come to its end.
   */
  #look: (() => void) | undefined;
  /** When events were published last, by the steady clock. */
  #publishedAt = Number.NEGATIVE_INFINITY;
  readonly #recent = new Recent();

  constructor(conversation: Conversation, clock: Clock, ports: FanoutPorts) {
    this.#conversation = conversation;
    this.#clock = clock;
    this.#ports = ports;
  }

  /**
   * Makes sure that an alarm comes at or before `at`, or before this object may be put to sleep. Called in the same turn as the
   * append that it guards.
   */
  guard(at?: number): void {
    const now = this.#clock();
    if (this.#alarmAt !== undefined && this.#alarmAt <= (at ?? now + BUSY_GUARD_MS)) return;
    this.#alarmAt = at ?? now + GUARD_MS;
    this.#ports.setAlarm(this.#alarmAt);
    this.#look?.();
  }

  /** An alarm was set, for whatever purpose: one that lasts is not repeated any more, and guards nothing. */
  superseded(): void {
    if (this.#look !== undefined) this.guard();
  }

  /**
   * Events were appended: everybody whom the room's tier tells is told, and those to whom it is owed, each by one notice.
   * The caller has put the latter into `outbox`.
   */
  published(events: EventRow[], json: string[], owed: Iterable<string>): void {
    this.#publishedAt = this.#ports.steady();
    const told = new Set(owed);
    const audience = this.#audience();
    // What nobody is told of need not be at hand.
    if (told.size === 0 && audience.size === 0) this.forget();
    else for (const [index, event] of events.entries()) this.#recent.add(event.seq, json[index] ?? eventJson(event));
    this.owed(told);
    for (const { user_id } of audience) if (!told.has(user_id)) this.#tell(user_id, false);
  }

  /** Something of this user's own has changed. The caller has put them into `outbox`. */
  owed(userIds: Iterable<string>): void {
    for (const userId of userIds) {
      this.#outbox.add(userId);
      this.#tell(userId, true);
    }
  }

  /** No copy of what was published goes out any more. Whoever is behind pulls. */
  forget(): void {
    this.#recent.clear();
  }

  looked(userId: string): void {
    this.#ports.hush(userId, false);
    const recipient = this.#recipient(userId);
    recipient.looks += 1;
    // Who looks is likely to have come to stay: the next notice carries the events.
    recipient.devices = undefined;
    recipient.told = this.#conversation.log.head;
  }

  /** The user has no socket in the room any more. */
  left(userId: string): void {
    this.#recipient(userId).looks += 1;
  }

  /**
   * The inbox of this user is in a call to the room, and takes its next notice with the answer: until the returned function
   * gives it that, no call is made. undefined: a call is under way or to come, or the room does not tell this user all.
   * The inbox has to see to it that it looks should the answer not arrive. If it looks before that, perhaps because another life
   * of it has begun, the notice is for a call. (A call of a life that has ended that arrives only after the next life's look is
   * not told apart: its notice is lost, and the next one brings it.)
   */
  lend(userId: string): (() => Notice | undefined) | undefined {
    if (!this.#conversation.exists || tierOf(this.#conversation.chat.member_count) !== 'small') return undefined;
    if (this.#conversation.members.current(userId) === undefined) return undefined;
    const recipient = this.#recipient(userId);
    if (recipient.running) return undefined;
    const { looks } = recipient;
    recipient.running = true;
    recipient.again = false;
    this.#behind += 1;
    return () => {
      try {
        // What is owed stands in the outbox until a call has brought it.
        const takes = recipient.again && !recipient.forced && recipient.looks === looks;
        const notice = takes ? this.#conversation.notice(userId) : null;
        if (notice === null) return undefined;
        const frame = this.#frame(recipient.told, notice.member?.visible_from, RECENT.events * 2);
        if (notice.armed) this.#goOnTelling(userId);
        recipient.again = false;
        recipient.told = Math.max(recipient.told, notice.chat.head_seq);
        recipient.devices = Math.max(recipient.devices ?? 0, 1);
        return frame === undefined ? notice : { ...notice, frame };
      } finally {
        this.#continue(userId, recipient, 0);
      }
    };
  }

  /** Users with a device listening outside the room, as far as is known now: for signals. */
  listening(): string[] {
    return [...this.#recipients].filter(([, recipient]) => (recipient.devices ?? 0) > 0).map(([userId]) => userId);
  }

  /** An earlier life has set the alarm. */
  guarded(at: number): void {
    this.#alarmAt = at;
  }

  /** After a start in the midst of things: who was told is not known, so everybody is told. */
  resume(): void {
    for (const member of this.#audience()) this.#tell(member.user_id, false);
    this.#retryDue();
  }

  /** After a start with no alarm to come: everything was told before. */
  rested(): void {
    const { chat, log } = this.#conversation;
    chat.told_through = log.head;
    this.#retryDue();
  }

  /**
   * The guarding alarm: stores how far things are, tells what is due, and comes again if anything is to be done later. News needs
   * no second telling here: in this life everybody has been told, is being told, or has a row in the outbox. While people are
   * being told, the alarm lasts, which costs nothing; to set it once more would be a row written every few seconds.
   * @returns when it is over; undefined: it is
   */
  alarm(): Promise<void> | undefined {
    // failpoint: alarm.begun
    this.#alarmAt = undefined;
    try {
      this.#giveUpOverdue();
      // failpoint: alarm.checkpoint
      this.checkpoint();
      this.#retryDue();
      // failpoint: alarm.retried
      this.#guardNext();
    } catch (fault) {
      // The platform repeats a failing alarm a few times only, and then never again.
      this.#ports.log('the alarm has failed', { error: String(fault) });
      this.guard(this.#clock() + RETRY.longest);
    }
    return this.#unguarded && this.#conversation.initialised ? this.#seeThrough() : undefined;
  }

  /** Whether somebody is being told, and no alarm is to come. */
  get #unguarded(): boolean {
    return this.#behind > 0 && this.#alarmAt === undefined;
  }

  /** Waits until everybody is told, or another alarm guards. */
  async #seeThrough(): Promise<void> {
    const end = this.#ports.steady() + TELLING.longest;
    try {
      while (this.#unguarded) {
        const change = new Promise<void>((resolve) => {
          this.#look = resolve;
        });
        await Promise.race([change, scheduler.wait(TELLING.look)]);
        if (!this.#conversation.initialised) return;
        this.#giveUpOverdue();
        this.checkpoint();
        if (this.#ports.steady() >= end) this.guard();
      }
    } catch (fault) {
      this.#ports.log('the alarm has failed', { error: String(fault) });
      this.guard(this.#clock() + RETRY.longest);
    } finally {
      this.#look = undefined;
    }
  }

  #guardNext(): void {
    const next = this.#sql<{ due: number | null }>('SELECT min(due_at) AS due FROM outbox')[0]?.due ?? null;
    const { chat, timers } = this.#conversation;
    // An alarm is set for the timer: better one that guards than two.
    const timed = this.#behind > 0 && timers.next !== undefined;
    if (next !== null) this.guard(this.#retryAt(next));
    else if (chat.deleted_at !== null) this.#conversation.purge();
    else if (this.#ports.relaysBehind()) this.guard();
    else if (this.#busy) this.guard(this.#clock() + BUSY_GUARD_MS);
    else if (timed) this.guard();
  }

  /** When the alarm comes for a row of the outbox. */
  #retryAt(due: number): number {
    const now = this.#clock();
    return isDue(due, now, RETRY.longest) ? now + RETRY.first : Math.max(due, now + RETRY.first);
  }

  get #busy(): boolean {
    return this.#ports.steady() - this.#publishedAt < BUSY_MS;
  }

  checkpoint(): void {
    const { chat, log } = this.#conversation;
    this.#conversation.checkpoint(this.#behind === 0 ? log.head : chat.told_through);
  }

  #audience(): ReadonlySet<MemberRow> {
    const { chat, members } = this.#conversation;
    return chat.deleted_at === null ? members.armed() : new Set();
  }

  #recipient(userId: string): Recipient {
    let recipient = this.#recipients.get(userId);
    if (recipient === undefined) {
      recipient = {
        told: this.#conversation.chat.told_through,
        running: false,
        calls: 0,
        since: undefined,
        again: false,
        forced: false,
        devices: undefined,
        looks: 0,
        scheduled: 0,
      };
      this.#recipients.set(userId, recipient);
    }
    return recipient;
  }

  #tell(userId: string, forced: boolean): void {
    const recipient = this.#recipient(userId);
    if (forced) recipient.forced = true;
    if (!recipient.running) {
      recipient.running = true;
      this.#behind += 1;
      this.#schedule(userId, recipient, 0);
    } else if (forced && this.#later.delete(userId)) {
      this.#enqueue(userId);
    } else {
      recipient.again = true;
    }
  }

  #enqueue(userId: string): void {
    this.#waiting.push(userId);
    this.#drain();
  }

  #drain(): void {
    while (this.#active < PARALLEL) {
      const next = this.#waiting[this.#first];
      if (next === undefined) break;
      this.#first += 1;
      this.#active += 1;
      this.#ports.background(this.#run(next));
    }
    if (this.#first < this.#waiting.length / 2) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }

  /** One notice to one inbox. A failed call is a row in the outbox and an alarm. */
  async #run(userId: string): Promise<void> {
    const recipient = this.#recipient(userId);
    const looks = recipient.looks;
    recipient.calls += 1;
    const call = recipient.calls;
    recipient.since = this.#ports.steady();
    recipient.again = false;
    recipient.forced = false;
    let failed = false;
    try {
      const notice = this.#conversation.notice(userId);
      if (notice !== null) {
        const huge = notice.chat.fanout === 'huge';
        // Where nobody was listening a device may have come since: a few events go along, so that it hears of them at once.
        const most = huge ? 0 : recipient.devices === 0 ? IDLE_FRAME_EVENTS : RECENT.events * 2;
        const frame = this.#frame(recipient.told, notice.member?.visible_from, most);
        const armed = notice.armed && !this.#suffices(userId, recipient);
        const sent = { ...notice, armed, ...(frame === undefined ? {} : { frame }) };
        if (armed) this.#goOnTelling(userId);
        // failpoint: notify.calling
        const answer = await this.#ports.inbox(userId).notify(sent);
        // failpoint: notify.called
        if (recipient.calls !== call) return;
        recipient.devices = answer.devices;
        recipient.told = Math.max(recipient.told, notice.chat.head_seq);
        if (answer.devices === 0 && !armed && recipient.looks === looks) {
          const member = this.#conversation.members.current(userId);
          // A small room finds out again in its next life, for a few notices; of who is here, their socket knows.
          const lasting = tierOf(this.#conversation.chat.member_count) !== 'small';
          if (member !== undefined) this.#conversation.members.disarm(member, { lasting });
          if (!lasting) this.#ports.hush(userId, true);
        }
      }
      // failpoint: notify.told
      this.#settled(userId, recipient);
    } catch (fault) {
      if (recipient.calls !== call) return;
      failed = true;
      this.#failed(userId, fault);
    } finally {
      if (recipient.calls === call) this.#finish(userId, recipient, failed ? RETRY.first : 0);
    }
  }

  /**
   * Whether an inbox of a small room, if nobody listens at it, is told no more after this notice: it was told often enough, or its
   * user is in the room and hears of everything there. Counts the notice.
   */
  #suffices(userId: string, recipient: Recipient): boolean {
    if (recipient.devices === 0 && this.#excess(recipient, IDLE_NOTICE_RATE) > 0) return true;
    return (recipient.devices ?? 0) === 0 && this.#ports.here(userId);
  }

  /** An inbox that hears that it is told all is told all, in this life of the room and in later ones. */
  #goOnTelling(userId: string): void {
    this.#ports.hush(userId, false);
    const member = this.#conversation.members.current(userId);
    if (member !== undefined) this.#conversation.members.arm(member);
  }

  /** Calls that hang: failed, as far as the room is concerned. Should one arrive after all, telling twice changes nothing. */
  #giveUpOverdue(): void {
    const overdue = this.#ports.steady() - CALL_TIMEOUT_MS;
    for (const [userId, recipient] of this.#recipients) {
      if (recipient.since === undefined || recipient.since > overdue) continue;
      recipient.calls += 1;
      this.#failed(userId, 'no answer');
      this.#finish(userId, recipient, RETRY.first);
    }
  }

  #finish(userId: string, recipient: Recipient, least: number): void {
    recipient.since = undefined;
    this.#active -= 1;
    this.#continue(userId, recipient, least);
    this.#drain();
  }

  /** What was owed is told, unless more has come meanwhile. */
  #settled(userId: string, recipient: Recipient): void {
    if (recipient.forced || !this.#outbox.delete(userId)) return;
    this.#sql('DELETE FROM outbox WHERE user_id = ?', userId);
  }

  #failed(userId: string, fault: unknown): void {
    const now = this.#clock();
    const attempts =
      (this.#sql<{ attempts: number }>('SELECT attempts FROM outbox WHERE user_id = ?', userId)[0]?.attempts ?? 0) + 1;
    const due = now + Math.min(RETRY.longest, RETRY.first * 2 ** Math.min(attempts, 10));
    this.#sql(
      `INSERT INTO outbox VALUES (?, ?, ?)
       ON CONFLICT (user_id) DO UPDATE SET attempts = excluded.attempts, due_at = excluded.due_at`,
      userId,
      attempts,
      due,
    );
    this.#outbox.add(userId);
    this.guard(due);
    this.#ports.log('an inbox could not be told', { user_id: userId, attempts, error: String(fault) });
  }

  /** The call is over: the next one, or none. */
  #continue(userId: string, recipient: Recipient, least: number): void {
    const armed = this.#conversation.members.current(userId)?.armed ?? false;
    if (recipient.forced || (recipient.again && armed)) {
      this.#schedule(userId, recipient, least);
      return;
    }
    recipient.running = false;
    this.#behind -= 1;
    if (this.#behind === 0) this.#look?.();
  }

  #schedule(userId: string, recipient: Recipient, least: number): void {
    const wait = Math.max(least, recipient.forced ? 0 : this.#pause(recipient));
    if (wait <= 0) this.#enqueue(userId);
    else this.#later.add(userId, wait);
  }

  /** How long the next notice waits, in ms: only in a huge room, where it is a hint. */
  #pause(recipient: Recipient): number {
    return tierOf(this.#conversation.chat.member_count) === 'huge' ? this.#excess(recipient, HUGE_NOTICE_RATE) : 0;
  }

  /** Counts a notice against a rate; how far it is beyond it, in ms (a leaky bucket, the virtual scheduling of ITU-T I.371). */
  #excess(recipient: Recipient, { every, burst }: { every: number; burst: number }): number {
    const now = this.#ports.steady();
    recipient.scheduled = Math.max(recipient.scheduled, now) + every;
    return recipient.scheduled - now - every * burst;
  }

  #retryDue(): void {
    const now = this.#clock();
    // As `isDue` has it.
    const due = this.#sql<{ user_id: string }>(
      'SELECT user_id FROM outbox WHERE due_at <= ? OR due_at > ?',
      now,
      now + RETRY.longest,
    );
    for (const { user_id } of due) {
      this.#outbox.add(user_id);
      // A call that is under way or about to be made answers for the row.
      if (!this.#recipient(user_id).running) this.#tell(user_id, true);
    }
  }

  /**
   * The events after `told` as one ready frame; nothing when they are more than `most` or too long for one message, or memory
   * does not reach back.
   */
  #frame(told: number, visibleFrom: number | undefined, most: number): string | undefined {
    if (visibleFrom === undefined) return undefined;
    const { chat, log } = this.#conversation;
    const from = Math.max(told + 1, visibleFrom);
    if (from > log.head || log.head - from >= most) return undefined;
    const events = this.#recent.from(from);
    if (events === undefined || !fits(events, MESSAGE_BYTES)) return undefined;
    return eventsFrame(chat.id, chat.epoch, log.head, events);
  }

  #sql<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]): T[] {
    return this.#conversation.sql.exec<T>(query, ...bindings).toArray();
  }
}

/** An `events` frame from events that are JSON already. Matches `EventsFrame`. */
export const eventsFrame = (chatId: string, epoch: string, head: number, events: string[], rest = ''): string =>
  `{"t":"events","chat_id":"${chatId}","epoch":"${epoch}","head_seq":${head}${rest},"events":[${events.join(',')}]}`;
