import { DurableObject } from 'cloudflare:workers';
import { signResume, verifyAccess } from '../auth/tokens.ts';
import { systemClock, timestamp } from '../clock.ts';
import { configOf } from '../config.ts';
import type { Json, Notice, NoticeAnswer } from '../conversation/api.ts';
import { errorFrame, type RoomFrame } from '../conversation/exchange.ts';
import type { Alert } from '../inbox/alerts.ts';
import { type HeldChat, type Identity, type InboxApi, type InboxReport, identityOf } from '../inbox/api.ts';
import { Device } from '../inbox/devices.ts';
import type { Waiting } from '../inbox/digest.ts';
import { closeReason } from '../inbox/gate.ts';
import { Inbox } from '../inbox/inbox.ts';
import type { Item } from '../inbox/items.ts';
import type { Keep } from '../inbox/kept.ts';
import type { DigestJob } from '../mail/digest.ts';
import type { ChatListItem, Preferences } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { PING, PONG } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { CreateSubscription, NotificationSettings, Subscription } from '../protocol/push.ts';
import type { SearchAll, SearchAllPage } from '../protocol/search.ts';
import type { SyncRequest, SyncResponse } from '../protocol/sync.ts';
import type { Presence, Status } from '../protocol/users.ts';
import type { PushJob } from '../push/send.ts';
import { closeQuietly } from '../wire/client-socket.ts';
import { floods } from '../wire/flood.ts';
import { parseFrames } from '../wire/parse.ts';
import { limiter, type RateLimiter } from '../wire/rate.ts';
import { acceptUpgrade, refuseUpgrade } from '../wire/upgrade.ts';
import { inbox, room } from './stubs.ts';

/** How long a user who has lost their last socket still counts as present to others: a reconnect is not a departure. */
const GOODBYE_MS = 5000;

/**
 * One user. This file is the shell: sockets, alarm and RPC on the outside, `Inbox` inside. Every public method is an RPC
 * endpoint that only our Worker and objects reach.
 */
export class UserInbox extends DurableObject<Env> implements InboxApi {
  readonly #inbox: Inbox;
  readonly #requests: RateLimiter | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#requests = limiter('requestsPerUser', configOf(env).rateLimits);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#inbox = new Inbox(ctx.storage, ctx.getWebSockets(), systemClock, {
      owner: ctx.id.name ?? '',
      room: (chatId) => room(env, chatId),
      peer: (userId) => inbox(env, userId),
      alert: (chatId) => this.#background(this.#queueAlert(chatId)),
      mail: () => this.#background(this.#queueMail()),
      wake: () => this.#background(this.#wakeInTime()),
      background: (work) => this.#background(work),
      log: (message, fields) => this.#log(message, fields),
    });
  }

  async gate(identity: Identity, attach?: string): Promise<Result<null>> {
    const checked = this.#inbox.gate.check(identity);
    // Without `attach` it stands behind one request.
    if (checked.ok && attach === undefined) {
      const wait = this.#requests?.take('', systemClock()) ?? 0;
      if (wait > 0) return refuse('rate_limited', `too many requests: again in ${wait} s`, wait);
    }
    if (checked.ok && attach !== undefined) this.#inbox.gate.attach(attach, identity.expires_at);
    return checked;
  }

  endSessions({ sessions, except }: { sessions: string[] | 'all'; except?: string }): Promise<void> {
    return this.#inbox.endSessions(sessions, except);
  }

  setSuspended(suspended: boolean): Promise<void> {
    return this.#inbox.setSuspended(suspended);
  }

  notify(notice: Notice): Promise<NoticeAnswer> {
    return this.#inbox.hear(notice);
  }

  async put(items: readonly Item[]): Promise<void> {
    this.#inbox.put(items);
  }

  async keep(keep: Keep): Promise<Result<null>> {
    return this.#inbox.keep(keep);
  }

  async signal(frame: string): Promise<void> {
    this.#inbox.signal(frame);
  }

  chats(page: {
    cursor?: string;
    limit: number;
  }): Promise<Result<Json<{ items: ChatListItem[]; next_cursor: string | null }>>> {
    return this.#inbox.list(page);
  }

  chat(chatId: string): Promise<Result<ChatListItem>> {
    return this.#inbox.item(chatId);
  }

  async prefer(chatId: string, preferences: Preferences): Promise<Result<ChatListItem>> {
    return this.#inbox.prefer(chatId, preferences);
  }

  sync(request: SyncRequest): Promise<Result<Json<SyncResponse>>> {
    return this.#inbox.sync(request);
  }

  search(request: SearchAll): Promise<Result<Json<SearchAllPage>>> {
    return this.#inbox.search(request);
  }

  async subscribe(session: string, id: string, input: CreateSubscription): Promise<Subscription> {
    return this.#inbox.alerts.subscribe(session, id, input);
  }

  async subscriptions(): Promise<Subscription[]> {
    return this.#inbox.alerts.list();
  }

  async unsubscribe(ids: string[]): Promise<Result<null>> {
    return this.#inbox.alerts.unsubscribe(ids);
  }

  async notificationSettings(): Promise<NotificationSettings> {
    return this.#inbox.alerts.settings;
  }

  async setNotificationSettings(settings: NotificationSettings): Promise<void> {
    this.#inbox.alerts.configure(settings);
  }

  async alert(chatId: string): Promise<Alert | null> {
    return this.#inbox.alert(chatId);
  }

  async alerted(chatId: string, seq: number): Promise<void> {
    this.#inbox.alerts.done(chatId, seq);
  }

  async digest(): Promise<Waiting[]> {
    return this.#inbox.waiting();
  }

  async digested(): Promise<void> {
    this.#inbox.digest.sent();
  }

  async meet(peer: Presence): Promise<Presence | null> {
    return this.#inbox.presence.meet(peer);
  }

  async inspect(page: { after: string; limit: number }): Promise<InboxReport> {
    return this.#inbox.inspect(page);
  }

  async held(chatId: string): Promise<HeldChat | null> {
    return this.#inbox.held(chatId);
  }

  async mend(items: readonly Item[]): Promise<void> {
    this.#inbox.mend(items);
  }

  recheck(chatIds: string[]): Promise<void> {
    return this.#inbox.recheck(chatIds);
  }

  async presence(viewer: string): Promise<Result<Presence>> {
    const seen = this.#inbox.presence.seenBy(viewer);
    return seen === null
      ? refuse('not_found', 'presence is shown to friends, and to people with whom the user has a conversation of two')
      : ok(seen);
  }

  async setStatus(status: Status | null): Promise<void> {
    this.#inbox.setStatus(status);
    await this.#wakeInTime();
  }

  /** A WebSocket upgrade, handed on by the Worker with a verified identity. */
  override async fetch(request: Request): Promise<Response> {
    const identity = identityOf(request);
    const admitted = this.#inbox.gate.check(identity);
    if (!admitted.ok) return refuseUpgrade(request, closeReason(admitted.refusal));
    if (this.#inbox.devices.size >= LIMITS.socketsPerUser) return refuseUpgrade(request, 'rate_limited');
    const cursor = new URL(request.url).searchParams.get('cursor') ?? undefined;
    const { response, socket } = acceptUpgrade(this.ctx, request);
    const device = new Device(socket, identity, 0);
    this.#background(this.#inbox.welcome(device, cursor));
    if (!identity.resumed) this.#background(this.#handResume(device));
    return response;
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    const device = this.#inbox.devices.get(socket);
    if (device === undefined) return;
    if (device.identity.expires_at <= systemClock()) {
      this.#inbox.devices.end((other) => other === device, 'token_expired');
      return;
    }
    const { frames, errors } = parseFrames(data);
    if (floods(device, frames.length + errors.length, systemClock(), configOf(this.env).rateLimits)) {
      this.#inbox.devices.end((other) => other === device, 'rate_limited');
      return;
    }
    for (const error of errors) device.send(JSON.stringify(error));
    const forRooms: RoomFrame[] = [];
    for (const frame of frames) {
      if (frame.t === 'auth') this.#background(this.#renew(device, frame.token));
      else if (frame.t === 'presence') this.#inbox.setAway(device, frame.state === 'away');
      else forRooms.push(frame);
    }
    if (forRooms.length > 0) this.#inbox.forward(device, forRooms);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    closeQuietly(socket, 1000);
    await this.#left(socket);
  }

  override webSocketError(socket: WebSocket): Promise<void> {
    return this.#left(socket);
  }

  override async alarm(): Promise<void> {
    await this.#inbox.alarm();
    await this.#wakeInTime();
  }

  async #queueAlert(chatId: string): Promise<void> {
    const user_id = this.ctx.id.name ?? '';
    await this.env.TASKS.send({ push: { user_id, chat_id: chatId } satisfies PushJob });
  }

  async #queueMail(): Promise<void> {
    await this.env.TASKS.send({ digest: { user_id: this.ctx.id.name ?? '' } satisfies DigestJob });
  }

  async #left(socket: WebSocket): Promise<void> {
    this.#inbox.devices.delete(socket);
    if (this.#inbox.devices.size > 0) {
      this.#inbox.presence.changed();
      return;
    }
    this.#inbox.presence.left();
    await this.ctx.storage.setAlarm(systemClock() + GOODBYE_MS);
  }

  /** Has the alarm come when something is due, or before. */
  async #wakeInTime(): Promise<void> {
    const { due } = this.#inbox;
    const alarm = await this.ctx.storage.getAlarm();
    if (due !== null && (alarm === null || alarm > due)) await this.ctx.storage.setAlarm(due);
  }

  async #renew(device: Device, token: string): Promise<void> {
    const verified = await verifyAccess(configOf(this.env), token, systemClock());
    if (!verified.ok) {
      device.send(errorFrame(verified.refusal));
      return;
    }
    if (verified.value.user_id !== device.identity.user_id) {
      device.send(errorFrame({ code: 'unauthenticated', message: 'the token is of another user' }));
      return;
    }
    const admitted = this.#inbox.gate.check(verified.value);
    if (!admitted.ok) {
      this.#inbox.devices.end((other) => other === device, closeReason(admitted.refusal));
      return;
    }
    device.identity = verified.value;
    device.save();
    device.send(JSON.stringify({ t: 'authed', expires_at: timestamp(verified.value.expires_at) }));
    await this.#handResume(device);
  }

  /** What a device needs to come back without a look into D1, and when, so that not all come at once. */
  async #handResume(device: Device): Promise<void> {
    const config = configOf(this.env);
    const { token, expires_at } = await signResume(config, device.identity, systemClock());
    const slot_ms = slotOf(device.identity.session_id, config.reconnectWindow);
    device.send(JSON.stringify({ t: 'resume', token, expires_at: timestamp(expires_at), slot_ms }));
  }

  #background(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch((fault: unknown) => this.#log('background work failed', { error: String(fault) })));
  }

  #log(message: string, fields: Record<string, unknown>): void {
    console.error(JSON.stringify({ level: 'error', object: 'inbox', id: this.ctx.id.name, message, ...fields }));
  }
}

/** A place in the window for each session: spread evenly, and the same every time. */
function slotOf(session: string, window: number): number {
  let hash = 0x811c9dc5;
  for (const char of session) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return window === 0 ? 0 : (hash >>> 0) % window;
}
