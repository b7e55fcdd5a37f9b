import { type Clock, isDue } from '../clock.ts';
import type { Json, Notice, NoticeAnswer, RoomApi } from '../conversation/api.ts';
import type { RoomFrame } from '../conversation/exchange.ts';
import type { ChatListItem, Preferences } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { NotificationPage } from '../protocol/notifications.ts';
import type { SearchAll, SearchAllPage } from '../protocol/search.ts';
import type { SyncRequest, SyncResponse } from '../protocol/sync.ts';
import { Status } from '../protocol/users.ts';
import { groupsWithin, MESSAGE_BYTES } from '../wire/bounds.ts';
import { GroupCommit } from '../wire/groupcommit.ts';
import { type Alert, Alerts } from './alerts.ts';
import type { HeldChat, InboxApi, InboxReport } from './api.ts';
import { Courier } from './courier.ts';
import { type Device, Devices } from './devices.ts';
import { Digest, type Waiting } from './digest.ts';
import { Gate } from './gate.ts';
import { gather } from './gather.ts';
import { HotRows } from './hot.ts';
import { type Item, TOLD_BY_D1, valueJson } from './items.ts';
import { type Keep, keptItem } from './kept.ts';
import { Notifications } from './notifications.ts';
import { parallel } from './parallel.ts';
import { Presences } from './presence.ts';
import { type ChatRecord, merge, withPreferences } from './rows.ts';
import { searchAll } from './search.ts';
import { Timeline } from './timeline.ts';
import { ANSWER_MS, within } from './within.ts';

/** Calls to rooms or to other inboxes under way at once. */
const PARALLEL = 50;
/** Pause between two frames of changes to a device, in ms. */
const CHANGES_PAUSE = 5;
/** Answers to looks that come within this time, in ms, are stored together. */
const LOOKS_PAUSE = 10;
/** Rows in one `inbox` frame to a device that comes back. */
const ROWS_PER_FRAME = 200;
/** Pauses before rooms that could not be looked at are asked again while a device waits for them, in ms: each twice the last. */
const LOOK_AGAIN = { first: 1000, longest: 60_000 } as const;

export interface InboxPorts {
  owner: string;
  room(chatId: string): Pick<RoomApi, 'look' | 'catchUp' | 'search' | 'submit' | 'exchange' | 'endSessions'>;
  peer(userId: string): Pick<InboxApi, 'meet'>;
  /** Has the queue push a conversation to the user's devices. */
  alert(chatId: string): void;
  /** Has the queue mail the user what waits for them. */
  mail(): void;
  /** `due` has changed: the alarm is to come by then. */
  wake(): void;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

/** The inbox of one user: its rows, its devices, and the order in which a device hears of things. */
export class Inbox {
  readonly timeline: Timeline;
  readonly gate: Gate;
  readonly devices: Devices;
  readonly presence: Presences;
  readonly alerts: Alerts;
  readonly digest: Digest;
  readonly notifications: Notifications;
  readonly #clock: Clock;
  readonly #ports: InboxPorts;
  readonly #courier: Courier<Device>;
  readonly #hot: HotRows;
  readonly #changes: GroupCommit<{ row: string; change: string }[]>;
  /** Calls to rooms that may bring a notice with their answers. */
  readonly #exchanges = new Map<string, Promise<unknown>>();
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;
  /** When rooms that could not be looked at are asked again, in ms since 1970. */
  #lookAt: number | null = null;
  /** The pause before it. A life that does not know of any earlier one takes the longest. */
  #lookPause: number = LOOK_AGAIN.longest;
  /** Conversations whose rooms have stopped telling since the look under way began. */
  readonly #silent = new Set<string>();

  constructor(storage: DurableObjectStorage, open: WebSocket[], clock: Clock, ports: InboxPorts) {
    this.#clock = clock;
    this.#ports = ports;
    this.timeline = new Timeline(storage, ports.owner);
    this.gate = new Gate(this.timeline, clock);
    this.devices = new Devices(open);
    this.presence = new Presences(this.timeline, this.devices, clock, {
      ...ports,
      signal: (frame) => this.signal(frame),
    });
    this.alerts = new Alerts(this.timeline, ports.owner, clock, (chatId) => ports.alert(chatId));
    this.digest = new Digest(this.timeline, ports.owner, clock);
    this.notifications = new Notifications(this.timeline, ports.owner, clock, (rows) => this.#announceAll(rows));
    this.#hot = new HotRows(this.timeline, clock, (chatId, change) => this.#announce(chatId, change));
    this.#courier = new Courier({
      submit: (device, chatId, frames) => this.#submit(device, chatId, frames),
      background: ports.background,
      log: ports.log,
    });
    this.#changes = new GroupCommit(
      (batches) => this.#pushChanges(batches.flat()),
      () => CHANGES_PAUSE,
    );
  }

  /** A room calls. An answer of its may be under way that carries what came before this: that is taken first. */
  async hear(notice: Notice): Promise<NoticeAnswer> {
    await this.#exchanges.get(notice.chat.id);
    return this.notify(notice);
  }

  /**
   * A room tells how things are. Events go to the devices first: they are durable in the room already.
   *
   * @param asker the device whose frames the room has answered: what is for it joins the answers
   */
  notify(notice: Notice, asker?: { device: Device; answers: string[] }): NoticeAnswer {
    const listeners = this.devices.live(this.#clock());
    const chatId = notice.chat.id;
    const row = this.#row(chatId);
    // A notice may be late: what belongs to a membership that has ended since is not for these devices any more.
    const over = row !== undefined && row.gone !== null && row.member_seq >= notice.member_seq;
    if (!notice.armed && listeners.length === 0) this.#silent.add(chatId);
    const listening = listeners.length > 0;
    // failpoint: inbox.pushed
    const record = merge(row, notice, listening);
    const kept = listening ? this.#hot.keep(record, row) : undefined;
    // Nothing is stored for a hot row: its change need not come in a message of its own.
    const change = kept !== undefined && this.#changes.length === 0 ? this.#changeFrame([kept]) : undefined;
    const events = over ? undefined : notice.frame;
    for (const device of listeners) {
      if (device.lagging) continue;
      const pushed = events === undefined ? [] : [this.#spend(device, chatId, notice.chat.head_seq, events)];
      const frames = change === undefined || device.lagging ? pushed : [...pushed, change];
      if (device === asker?.device) asker.answers.push(...frames);
      else device.sendAll(frames);
    }
    if (kept === undefined) this.#save(record);
    else if (change === undefined) this.#announce(chatId, kept);
    this.notifications.heard(notice, record, row, listening);
    if (row === undefined && notice.chat.type === 'Single') {
      const others = notice.chat.peer_ids?.filter((id) => id !== this.#ports.owner) ?? [];
      this.#ports.background(this.presence.met(others));
    }
    if (!listening) {
      this.alerts.consider(record);
      if (this.digest.consider(record)) this.#ports.wake();
    }
    // failpoint: inbox.stored
    return { devices: listeners.length };
  }

  /** What is to be pushed of a conversation now. null: nothing, since it was read, or a device is connected. */
  alert(chatId: string): Alert | null {
    if (this.gate.suspended || this.devices.live(this.#clock()).length > 0) return null;
    return this.alerts.take(this.#row(chatId));
  }

  keep(keep: Keep): Result<null> {
    const item = keptItem(this.timeline, keep, this.#clock());
    if (!item.ok) return item;
    if (item.value !== null) this.put([item.value]);
    return ok(null);
  }

  /** Takes rows of other kinds than conversations. */
  put(items: readonly Item[]): void {
    // All of them are good before the first is stored: what is stored is announced.
    const rows = items.flatMap((item) => (item.kind === 'notification' ? [] : [{ ...item, value: valueJson(item) }]));
    const people = items.flatMap(({ kind, id }) => (kind === 'contact' ? [{ id, ...this.timeline.contact(id) }] : []));
    this.#announceAll(rows.map((row) => ({ row: `${row.kind}/${row.id}`, change: this.timeline.putItem(row) })));
    for (const item of items) this.notifications.took(item);
    // failpoint: inbox.items-stored
    const changed = people.filter((was) => {
      const now = this.timeline.contact(was.id);
      return now.blocked !== was.blocked || (now.friend && !was.friend);
    });
    if (changed.length > 0) this.#ports.background(this.presence.met(changed.map(({ id }) => id)));
  }

  /** Takes rows as their owner has them, also where what is stored has a higher version: the owner was restored to an earlier state. */
  mend(items: readonly Item[]): void {
    for (const { kind, id } of items) this.timeline.forgetVersion(kind, id);
    this.put(items);
  }

  /** Sets what the user says of themself; null takes it away. */
  setStatus(status: Status | null): void {
    const version = (this.timeline.itemAt('status', 'me')?.version ?? 0) + 1;
    this.put([{ kind: 'status', id: 'me', version, value: status }]);
    this.presence.changed();
  }

  /**
   * The object's alarm: the user may have been away long enough for others to be told, their status may have expired, or a
   * device waits for rooms that could not be looked at. It only sets things going: an alarm that waited for a room would be late
   * for what is due next.
   */
  alarm(): void {
    if (this.presence.status() === null && this.statusUntil !== null) this.setStatus(null);
    this.presence.changed();
    if (this.digest.ring() && this.devices.live(this.#clock()).length === 0) this.#ports.mail();
    this.#rest();
    if (this.#waitsForRooms && isDue(this.#lookAt ?? 0, this.#clock(), LOOK_AGAIN.longest)) {
      this.#lookLater();
      this.#ports.background(this.look().then(() => this.#rest()));
    }
  }

  /** When the alarm has to come at the latest, in ms since 1970; null: not at all. */
  get due(): number | null {
    const times = [this.statusUntil, this.digest.due, this.#lookAt].filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** What a mail names. Nothing, when the user has come back, is suspended, or does not want to be told by mail. */
  waiting(): Waiting[] {
    this.#hot.flush();
    const { email_digest = true } = this.alerts.settings;
    const away = !this.gate.suspended && this.devices.live(this.#clock()).length === 0;
    return email_digest && away ? this.digest.waiting() : [];
  }

  /** When the status that is stored expires, in ms since 1970; null: never. */
  get statusUntil(): number | null {
    const value = this.timeline.itemAt('status', 'me')?.value ?? null;
    const until = value === null ? null : Status.parse(JSON.parse(value)).expires_at;
    return until === null ? null : Date.parse(until);
  }

  /** A device says whether its user is there. */
  setAway(device: Device, away: boolean): void {
    if (device.away === away) return;
    device.away = away;
    device.save();
    this.presence.changed();
  }

  /**
   * Takes frames to a room. The row of a hot conversation has its mark in storage, so that its notice may come with the
   * answers: should they not arrive, the room is asked.
   */
  async #submit(device: Device, chatId: string, frames: RoomFrame[]): Promise<string[]> {
    if (!this.#hot.hold(chatId)) return this.#ports.room(chatId).submit(this.#ports.owner, frames);
    const done = this.#exchange(device, chatId, frames);
    const all = Promise.allSettled([this.#exchanges.get(chatId), done]);
    this.#exchanges.set(chatId, all);
    try {
      return await done;
    } finally {
      if (this.#exchanges.get(chatId) === all) this.#exchanges.delete(chatId);
    }
  }

  async #exchange(device: Device, chatId: string, frames: RoomFrame[]): Promise<string[]> {
    try {
      const { answers, notice } = await this.#ports.room(chatId).exchange(this.#ports.owner, frames);
      this.#hot.release(chatId);
      const texts = [...answers];
      if (notice !== undefined) this.notify(notice, { device, answers: texts });
      // Here and not by the courier: what the room tells next may be about to be taken.
      device.sendAll(texts);
      return [];
    } catch (fault) {
      this.#hot.release(chatId);
      this.#hot.distrust(chatId);
      this.#ports.background(this.#lookNowAndAgain());
      throw fault;
    }
  }

  signal(frame: string): void {
    for (const device of this.devices.live(this.#clock())) if (!device.lagging) device.send(frame);
  }

  /** A device has come: what changed since its cursor, then, when rooms have waited, what they say. */
  async welcome(device: Device, cursor: string | undefined): Promise<void> {
    this.#hot.flush();
    const position = cursor === undefined ? this.timeline.pos : this.timeline.positionOf(cursor);
    device.pos = position ?? 0;
    this.devices.add(device);
    this.digest.looked();
    this.#replay(device, position === null);
    await this.#lookNowAndAgain();
    await this.presence.arrived(device);
  }

  /**
   * Asks the rooms that wait for a look. One look at a time: whoever comes meanwhile waits for the one after it, because
   * rooms may have begun to wait since the one under way began.
   */
  look(): Promise<void> {
    this.#hot.flush();
    this.notifications.catchUp();
    if (this.#looking === undefined) {
      this.#looking = this.#lookNow().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    const next = () => {
      this.#nextLook = undefined;
      return this.look();
    };
    this.#nextLook ??= this.#looking.then(next, next);
    return this.#nextLook;
  }

  /** A device waits for news from now on: of rooms that cannot be looked at it is asked again soon. */
  async #lookNowAndAgain(): Promise<void> {
    await this.look();
    this.#lookPause = LOOK_AGAIN.first;
    this.#lookLater();
  }

  /**
   * A room that could not be looked at tells nothing: it is asked again, later each time, for as long as there is a device that
   * waits for news. By the alarm, so that it is asked also when this object has ended meanwhile.
   */
  #lookLater(): void {
    this.#lookAt = this.#waitsForRooms ? this.#clock() + this.#lookPause : null;
    this.#lookPause = Math.min(LOOK_AGAIN.longest, this.#lookPause * 2);
    if (this.#lookAt !== null) this.#ports.wake();
  }

  #rest(): void {
    if (!this.#waitsForRooms) this.#lookAt = null;
  }

  /** What is stored of a hot row carries the mark in any case: it waits only if it waited before. */
  get #waitsForRooms(): boolean {
    const waits = this.timeline.stale().some((chatId) => this.#hot.get(chatId)?.stale !== false);
    return waits && this.devices.live(this.#clock()).length > 0;
  }

  async list(page: {
    cursor?: string;
    limit: number;
  }): Promise<Result<Json<{ items: ChatListItem[]; next_cursor: string | null }>>> {
    const key = page.cursor === undefined ? undefined : /^(\d{1,15})\.(chat_[0-9a-z]{26})$/.exec(page.cursor);
    if (key === null) return refuse('invalid', 'cursor: not a cursor of this list');
    this.digest.looked();
    if (key === undefined) await this.look();
    const after = key === undefined ? undefined : { activity: Number(key[1]), chat_id: key[2] ?? '' };
    const { items, next } = this.timeline.list(after, page.limit);
    const cursor = next === null ? 'null' : `"${next.activity}.${next.chat_id}"`;
    return ok(`{"items":[${items.join(',')}],"next_cursor":${cursor}}`);
  }

  async item(chatId: string): Promise<Result<ChatListItem>> {
    this.digest.looked();
    await this.look();
    const item = this.timeline.get(chatId)?.item;
    return item ? ok(item) : refuse('not_found', 'there is no such conversation in your list');
  }

  /** Notifications, the newest first. */
  async listNotifications(page: { cursor?: string; limit: number }): Promise<Result<Json<NotificationPage>>> {
    this.digest.looked();
    if (page.cursor === undefined) await this.look();
    return this.notifications.list(page);
  }

  prefer(chatId: string, preferences: Preferences): Result<ChatListItem> {
    const row = this.#row(chatId);
    if (row === undefined || row.item === null) {
      return refuse('not_found', 'there is no such conversation in your list');
    }
    const changed = withPreferences(row, preferences);
    this.#save(changed);
    return changed.item === null ? refuse('not_found', 'there is no such conversation in your list') : ok(changed.item);
  }

  async sync(request: SyncRequest): Promise<Result<Json<SyncResponse>>> {
    this.digest.looked();
    await this.look();
    const position = request.cursor == null ? 0 : this.timeline.positionOf(request.cursor);
    const { changes, pos, hasMore } = this.timeline.page(position ?? 0, request.limit ?? LIMITS.syncPageDefault);
    const events = request.chats === undefined ? '' : await gather(this.timeline, this.#ports, request.chats);
    return ok(
      `{"changes":[${changes.join(',')}],"cursor":"${this.timeline.cursorAt(pos)}","has_more":${hasMore}` +
        `${position === null ? ',"reset":true' : ''}${events}}`,
    );
  }

  /** What the inbox holds, by conversation, for an audit. */
  inspect({ after, limit }: { after: string; limit: number }): InboxReport {
    const ids = this.timeline.chatIds(after, limit + 1);
    return {
      suspended: this.gate.suspended,
      chats: ids.slice(0, limit).flatMap((id) => this.held(id) ?? []),
      items: after === '' ? this.timeline.itemsOf(TOLD_BY_D1) : [],
      has_more: ids.length > limit,
    };
  }

  held(chatId: string): HeldChat | null {
    const row = this.#row(chatId);
    if (row === undefined) return null;
    const { epoch, stale, item } = row;
    return { chat_id: chatId, gone: row.gone !== null, epoch, head_seq: item?.head_seq ?? 0, stale };
  }

  /** Asks these rooms, and takes what they say. */
  recheck(chatIds: string[]): Promise<void> {
    this.#hot.flush();
    for (const id of chatIds) if (this.timeline.get(id) !== undefined) this.timeline.markStale(id);
    return this.look();
  }

  async search(request: SearchAll): Promise<Result<Json<SearchAllPage>>> {
    return searchAll(this.timeline, this.#ports, request);
  }

  /** Frames of a device that are for conversations. */
  forward(device: Device, frames: RoomFrame[]): void {
    for (const frame of frames) {
      const seq = frame.t === 'got' ? frame.seq : frame.t === 'pull' ? frame.after : undefined;
      if (seq !== undefined && device.confirm(frame.chat_id, seq)) this.#resume(device);
    }
    this.#courier.forward(device, frames);
  }

  /** Ends sessions here and in the rooms. Throws when a room could not be told: the caller repeats the whole. */
  async endSessions(sessions: string[] | 'all', except: string | undefined): Promise<void> {
    this.gate.end(sessions, except);
    this.alerts.endSessions(sessions, except);
    // failpoint: inbox.sessions-ended
    await this.#endEverywhere((session) => (sessions === 'all' ? session !== except : sessions.includes(session)), {
      sessions,
      except,
      reason: 'session_ended',
    });
  }

  async setSuspended(suspended: boolean): Promise<void> {
    this.gate.setSuspended(suspended);
    // failpoint: inbox.suspended
    if (suspended) await this.#endEverywhere(() => true, { sessions: 'all', except: undefined, reason: 'suspended' });
  }

  async #lookNow(): Promise<void> {
    this.#silent.clear();
    const failed = (chat_id: string, fault: unknown) =>
      this.#ports.log('a room could not be looked at', { chat_id, error: String(fault) });
    // Rows that answers bring in quick succession are stored together: one commit, not one for each.
    const answers = new GroupCommit<{ chatId: string; notice: Notice | null }>(
      (batch) => {
        for (const { chatId, notice } of batch) {
          try {
            this.#looked(chatId, notice);
          } catch (fault) {
            failed(chatId, fault);
          }
        }
      },
      () => LOOKS_PAUSE,
    );
    const stored: (Promise<void> | undefined)[] = [];
    await parallel(this.timeline.stale(), PARALLEL, async (chatId) => {
      try {
        const notice = await within(ANSWER_MS, this.#ports.room(chatId).look(this.#ports.owner));
        // failpoint: inbox.looked
        stored.push(answers.add({ chatId, notice }));
      } catch (fault) {
        failed(chatId, fault);
      }
    });
    await Promise.all(stored);
  }

  #looked(chatId: string, notice: Notice | null): void {
    if (notice === null) {
      this.#forget(chatId);
      return;
    }
    const row = this.#row(chatId);
    const record = merge(row, notice, true);
    // A room that stopped telling after it was looked at waits for the next look: its notice has overtaken this one.
    this.#save({ ...record, stale: record.gone === null && this.#silent.has(chatId) });
    this.notifications.heard(notice, record, row, false);
  }

  /** A conversation's row as it is now, which may be ahead of what is stored. */
  #row(chatId: string): ChatRecord | undefined {
    return this.#hot.get(chatId) ?? this.timeline.get(chatId);
  }

  #save(record: ChatRecord): void {
    this.#hot.drop(record.chat_id);
    const marked = this.#hot.holds(record.chat_id) ? { ...record, stale: true } : record;
    this.#announce(record.chat_id, this.timeline.put(marked, this.timeline.get(record.chat_id)));
  }

  /** The room knows nothing of the user: it was deleted, and has told everybody whom it could. */
  #forget(chatId: string): void {
    const row = this.#row(chatId);
    if (row === undefined) return;
    this.#save({ ...row, gone: 'deleted', item: null, mentions: [], stale: false });
    this.notifications.forget(chatId);
  }

  #announce(chatId: string, change: string | null): void {
    this.#announceAll([{ row: chatId, change }]);
  }

  /** Rows that were stored together are announced together: the frame's cursor is beyond all of them. */
  #announceAll(stored: { row: string; change: string | null }[]): void {
    if (this.devices.size === 0) return;
    const changes = stored.flatMap(({ row, change }) => (change === null ? [] : [{ row, change }]));
    const work = changes.length === 0 ? undefined : this.#changes.add(changes);
    if (work !== undefined) this.#ports.background(work);
  }

  #pushChanges(batch: { row: string; change: string }[]): void {
    const latest = new Map(batch.map(({ row, change }) => [row, change]));
    const { pos } = this.timeline;
    const groups = groupsWithin([...latest.values()], MESSAGE_BYTES);
    const frame = this.#changeFrame(groups.pop() ?? []);
    for (const device of this.devices.live(this.#clock())) {
      if (device.lagging) continue;
      // Only the last one may say that it brings all of them.
      for (const group of groups) device.send(inboxFrame(group, this.timeline.cursorAt(device.pos)));
      device.send(frame);
      device.pos = pos;
    }
  }

  #changeFrame(changes: string[]): string {
    return inboxFrame(changes, this.timeline.cursorAt(this.timeline.pos));
  }

  /** The events, or the hint that takes their place for a device that has used up its credit. */
  #spend(device: Device, chatId: string, head: number, events: string): string {
    if (device.spend(chatId, head, events.length)) return events;
    device.lagging = true;
    device.save();
    return `{"t":"lag","chat_id":"${chatId}","head_seq":${head}}`;
  }

  /** A socket that had fallen behind has room: it learns what changed meanwhile, and pulls what it lacks. */
  #resume(device: Device): void {
    // Before the device is live: what is stored now must not be pushed ahead of what it has missed.
    this.#hot.flush();
    device.lagging = false;
    this.#replay(device, false);
    device.save();
  }

  /** Everything after the device's position, in frames. At least one, so that it knows its cursor. */
  #replay(device: Device, reset: boolean): void {
    for (let first = true, more = true; more; first = false) {
      const page = this.timeline.page(device.pos, ROWS_PER_FRAME, MESSAGE_BYTES);
      device.send(inboxFrame(page.changes, this.timeline.cursorAt(page.pos), reset && first));
      device.pos = page.pos;
      more = page.hasMore;
    }
  }

  async #endEverywhere(
    matches: (session: string) => boolean,
    what: { sessions: string[] | 'all'; except: string | undefined; reason: 'session_ended' | 'suspended' },
  ): Promise<void> {
    this.devices.end((device) => matches(device.identity.session_id), what.reason);
    await Promise.all(
      this.gate.attached.map((chatId) => this.#ports.room(chatId).endSessions(this.#ports.owner, what)),
    );
  }
}

const inboxFrame = (changes: string[], cursor: string, reset = false): string =>
  `{"t":"inbox","changes":[${changes.join(',')}],"cursor":"${cursor}"${reset ? ',"reset":true' : ''}}`;
