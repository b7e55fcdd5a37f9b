import { DurableObject } from 'cloudflare:workers';
import { signResume, verifyAccess } from '../auth/tokens.ts';
import { systemClock, timestamp } from '../clock.ts';
import { configOf } from '../config.ts';
import type { Json, Notice, NoticeAnswer } from '../conversation/api.ts';
import { errorFrame, type RoomFrame } from '../conversation/exchange.ts';
import { type Identity, type InboxApi, identityOf } from '../inbox/api.ts';
import { Device } from '../inbox/devices.ts';
import { closeReason } from '../inbox/gate.ts';
import { Inbox } from '../inbox/inbox.ts';
import type { Item } from '../inbox/items.ts';
import type { Keep } from '../inbox/kept.ts';
import type { ChatListItem, Preferences } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { PING, PONG } from '../protocol/frames.ts';
import type { SearchAll, SearchAllPage } from '../protocol/search.ts';
import type { SyncRequest, SyncResponse } from '../protocol/sync.ts';
import type { Presence, Status } from '../protocol/users.ts';
import { closeQuietly } from '../wire/client-socket.ts';
import { parseFrames } from '../wire/parse.ts';
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

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#inbox = new Inbox(ctx.storage, ctx.getWebSockets(), systemClock, {
      owner: ctx.id.name ?? '',
      room: (chatId) => room(env, chatId),
      peer: (userId) => inbox(env, userId),
      background: (work) => this.#background(work),
      log: (message, fields) => this.#log(message, fields),
    });
  }

  async gate(identity: Identity, attach?: string): Promise<Result<null>> {
    const checked = this.#inbox.gate.check(identity);
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

  async meet(peer: Presence): Promise<Presence | null> {
    return this.#inbox.presence.meet(peer);
  }

  async presence(viewer: string): Promise<Result<Presence>> {
    const seen = this.#inbox.presence.seenBy(viewer);
    return seen === null
      ? refuse('not_found', 'presence is shown to friends, and to people with whom the user has a conversation of two')
      : ok(seen);
  }

  async setStatus(status: Status | null): Promise<void> {
    this.#inbox.setStatus(status);
    await this.#wakeForStatus();
  }

  /** A WebSocket upgrade, handed on by the Worker with a verified identity. */
  override async fetch(request: Request): Promise<Response> {
    const identity = identityOf(request);
    const admitted = this.#inbox.gate.check(identity);
    if (!admitted.ok) return refuseUpgrade(request, closeReason(admitted.refusal));
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
    this.#inbox.alarm();
    await this.#wakeForStatus();
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

  /** Has the alarm come when the status expires, or before. */
  async #wakeForStatus(): Promise<void> {
    const until = this.#inbox.statusUntil;
    const alarm = await this.ctx.storage.getAlarm();
    if (until !== null && (alarm === null || alarm > until)) await this.ctx.storage.setAlarm(until);
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
