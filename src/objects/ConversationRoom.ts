import { DurableObject } from 'cloudflare:workers';
import { systemClock } from '../clock.ts';
import { configOf } from '../config.ts';
import type { Copy, Forward } from '../conversation/admit.ts';
import type {
  CatchUp,
  Exchanged,
  Json,
  NewConversation,
  Notice,
  RoomApi,
  RoomReport,
  Sight,
  SocketPage,
} from '../conversation/api.ts';
import type { Ask } from '../conversation/asks.ts';
import { type ChangeRequest, changedMessage } from '../conversation/changes.ts';
import type { Command } from '../conversation/commands.ts';
import type { Commit, Sent } from '../conversation/conversation.ts';
import { exchange, forRoom, greet, greeting, isRoomFrame, pulled, receive, submit } from '../conversation/exchange.ts';
import type { FindPage, FoundPage } from '../conversation/find.ts';
import { inspect } from '../conversation/inspect.ts';
import { messageOf } from '../conversation/log.ts';
import type { MemberRow } from '../conversation/members.ts';
import {
  catchUpPage,
  catchUpParts,
  type MessageQuery,
  messagePageJson,
  pageAfter,
  pageJson,
} from '../conversation/pages.ts';
import { readersOf } from '../conversation/readers.ts';
import { limitRetention, mendRetention, updateRetention } from '../conversation/retention.ts';
import { Room } from '../conversation/room.ts';
import { tierOf } from '../conversation/tiers.ts';
import { listChannel } from '../db/channels.ts';
import { database } from '../db/client.ts';
import { ticketKeys } from '../files/ticket.ts';
import { identityOf } from '../inbox/api.ts';
import type { ChangedMessage } from '../protocol/changes.ts';
import type { Chat, ChatDetail, Member, Reader, UpdateChat, UpdateRetention } from '../protocol/chats.ts';
import { ok, type Result } from '../protocol/errors.ts';
import type { EventPage } from '../protocol/events.ts';
import { type ClientFrame, PING, PONG } from '../protocol/frames.ts';
import type { PollView, Preview, Vote } from '../protocol/kinds.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { MessagePage, SendMessage, SentMessage } from '../protocol/messages.ts';
import { RELAY_HEADER } from '../relay/api.ts';
import { ANYWHERE, PLACE_HEADER } from '../relay/place.ts';
import { closeQuietly } from '../wire/client-socket.ts';
import { floods } from '../wire/flood.ts';
import { parseFrames } from '../wire/parse.ts';
import { renew } from '../wire/renew.ts';
import { acceptUpgrade, positionOf, refuseUpgrade } from '../wire/upgrade.ts';
import { inbox, relay } from './stubs.ts';

/**
 * One conversation. This file is the shell: sockets, alarm and RPC on the outside, `Room` (order of things) and
 * `Conversation` (rules and state) inside. Every public method is an RPC endpoint that only our Worker and objects reach.
 */
export class ConversationRoom extends DurableObject<Env> implements RoomApi {
  readonly #room: Room;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#room = new Room(ctx.storage, ctx.getWebSockets(), systemClock, {
      inbox: (userId) => inbox(env, userId),
      relay: (name) => relay(env, ctx.id.name ?? '', name),
      ticketKeys: () => ticketKeys(configOf(env)),
      preview: async (job) => void (await env.PREVIEWS.send(job)),
      list: (entry) => listChannel(database(env), entry),
      rateLimits: configOf(env).rateLimits,
      setAlarm: (at) => this.#background(ctx.storage.setAlarm(at)),
      background: (work) => this.#background(work),
      log: (message, fields) => this.#log(message, fields),
    });
    void ctx.blockConcurrencyWhile(async () => this.#room.wake(await ctx.storage.getAlarm()));
  }

  async create(input: NewConversation): Promise<Result<{ chat: Chat; created: boolean }>> {
    const { created, commit } = this.#room.conversation.create(input);
    this.#room.publish(commit);
    return ok({ chat: this.#room.conversation.describe(), created });
  }

  async describe(user: string): Promise<Result<Sight>> {
    return this.#room.conversation.sight(user);
  }

  async update(user: string, patch: UpdateChat): Promise<Result<ChatDetail>> {
    return this.#commit(this.#room.conversation.membership.update(user, patch), () =>
      this.#room.conversation.detail(user),
    );
  }

  async manage(user: string, command: Command): Promise<Result<string>> {
    const outcome = this.#room.manage(user, command);
    return outcome.ok ? ok(JSON.stringify(outcome.value)) : outcome;
  }

  async destroy(user: string): Promise<Result<null>> {
    return this.#commit(this.#room.conversation.membership.destroy(user), () => null);
  }

  async dissolve(): Promise<void> {
    this.#commit(this.#room.conversation.membership.destroy(null), () => null);
  }

  async members(
    user: string,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Member[]; next_cursor: string | null }>> {
    return this.#read(user, () => this.#room.conversation.membership.page(page.after ?? '', page.limit));
  }

  async addMembers(user: string, userIds: string[]): Promise<Result<{ items: Member[] }>> {
    const { conversation } = this.#room;
    return this.#commit(conversation.membership.add(user, userIds), () => ({
      items: conversation.membership.list(userIds),
    }));
  }

  async removeMember(user: string, member: string): Promise<Result<null>> {
    return this.#commit(this.#room.conversation.membership.remove(user, member), () => null);
  }

  async enroll(by: string, userIds: string[]): Promise<void> {
    this.#room.publish(this.#room.conversation.membership.enroll(by, userIds));
  }

  async limitRetention(limit: { seconds: number | null; version: number }): Promise<void> {
    this.#room.publish(limitRetention(this.#room.conversation, limit));
  }

  async expel(member: string): Promise<void> {
    this.#room.publish(this.#room.conversation.membership.expel(member));
  }

  async setBlocked(by: string, block: { blocked: boolean; version: number }): Promise<void> {
    this.#room.conversation.setBlocked(by, block);
  }

  send(user: string, message: SendMessage & { client_id: string }): Promise<Result<SentMessage>> {
    return new Promise((resolve) => {
      this.#room.send({
        user,
        message,
        answer: (result) => resolve(this.#sent(result)),
      });
    });
  }

  async attest(user: string, seq: number): Promise<Result<Copy>> {
    this.#room.attend();
    return this.#room.conversation.attest(user, seq);
  }

  async forward(user: string, copy: Forward): Promise<Result<SentMessage>> {
    this.#room.attend();
    return this.#sent(this.#room.placed(this.#room.conversation.forward(user, copy)));
  }

  async announce(message: { client_id: string; content: string }): Promise<Result<SentMessage>> {
    this.#room.attend();
    return this.#sent(this.#room.placed(this.#room.conversation.announce(message)));
  }

  async previewed(seq: number, url: string, preview: Preview | null): Promise<void> {
    this.#room.previewed(seq, url, preview);
  }

  async readers(
    user: string,
    seq: number,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Reader[]; next_cursor: string | null }>> {
    this.#room.attend();
    const { conversation } = this.#room;
    const actor = conversation.actor(user);
    return actor.ok ? readersOf(conversation, actor.value, seq, page.after ?? '', page.limit) : actor;
  }

  vote(user: string, seq: number, options: number[]): Promise<Result<PollView>> {
    return new Promise((answer) => this.#room.vote({ ballot: { user, seq, options }, answer }));
  }

  async closePoll(user: string, seq: number): Promise<Result<PollView>> {
    return this.#room.closePoll(user, seq);
  }

  async poll(user: string, seq: number): Promise<Result<PollView>> {
    this.#room.attend();
    return this.#room.conversation.polls.view(user, seq, systemClock());
  }

  async votes(
    user: string,
    seq: number,
    page: { after?: string; limit: number },
  ): Promise<Result<{ items: Vote[]; next_cursor: string | null }>> {
    this.#room.attend();
    return this.#room.conversation.polls.page(user, seq, { after: page.after ?? '', limit: page.limit });
  }

  change(user: string, change: ChangeRequest): Promise<Result<ChangedMessage>> {
    return new Promise((resolve) => {
      const answer = (result: Result<Sent>) =>
        resolve(changedMessage(this.#room.conversation, user, change.seq, result));
      this.#room.send({ user, change, answer });
    });
  }

  async ask(user: string, ask: Ask): Promise<Result<Json<never>>> {
    return this.#room.ask(user, ask);
  }

  async retain(user: string, patch: UpdateRetention): Promise<Result<Chat>> {
    const { conversation } = this.#room;
    return this.#commit(updateRetention(conversation, user, patch), () => conversation.describe());
  }

  submit(user: string, frames: ClientFrame[]): Promise<string[]> {
    return submit(this.#room, user, frames.filter(isRoomFrame));
  }

  exchange(user: string, frames: ClientFrame[]): Promise<Exchanged> {
    return exchange(this.#room, user, frames.filter(isRoomFrame));
  }

  async messages(user: string, query: MessageQuery): Promise<Result<Json<MessagePage>>> {
    return this.#read(user, (member) => messagePageJson(this.#room.conversation, member, query));
  }

  async events(user: string, page: { after: number; limit: number; bytes?: number }): Promise<Result<Json<EventPage>>> {
    return this.#read(user, (member) =>
      pageJson(this.#room.conversation, pageAfter(this.#room.conversation, member, page)),
    );
  }

  async search(user: string, page: FindPage): Promise<Result<FoundPage>> {
    return this.#room.search(user, page);
  }

  async catchUp(user: string, page: { after: number; bytes: number }): Promise<Result<CatchUp>> {
    return this.#read(user, (member) => {
      this.#room.holds(user, page.after);
      const { conversation } = this.#room;
      return catchUpParts(conversation, catchUpPage(conversation, member, page.after, page.bytes));
    });
  }

  async enter(user: string, relay: string, after: number | undefined): Promise<Result<SocketPage>> {
    if (this.#room.conversation.exists) this.#room.relays.arrived(relay);
    return greeting(this.#room, user, after);
  }

  async pull(user: string, page: { after: number; limit: number; bytes: number }): Promise<Result<SocketPage>> {
    return pulled(this.#room, user, page);
  }

  async file(user: string, fileId: string): Promise<Result<null>> {
    return this.#room.file(user, fileId);
  }

  async heldFiles(fileIds: string[]): Promise<string[]> {
    this.#room.attend();
    return fileIds.filter((id) => this.#room.conversation.holdsFile(id));
  }

  async look(user: string): Promise<Notice | null> {
    return this.#room.look(user);
  }

  async endSessions(user: string, which: Parameters<RoomApi['endSessions']>[1]): Promise<void> {
    this.#room.connections.endSessions(user, which);
    await this.#room.relays.endSessions(user, which);
  }

  async inspect(page: { after: string; limit: number }): Promise<RoomReport | null> {
    return this.#room.conversation.initialised ? inspect(this.#room.conversation, page) : null;
  }

  async retell(users: string[]): Promise<void> {
    this.#room.retell(users);
  }

  async loseFiles(fileIds: string[]): Promise<void> {
    this.#room.conversation.loseFiles(fileIds);
  }

  async mendBlock(by: string, block: { blocked: boolean; version: number }): Promise<void> {
    this.#room.conversation.mendBlock(by, block);
  }

  async mendRetention(limit: { seconds: number | null; version: number }): Promise<void> {
    this.#room.publish(mendRetention(this.#room.conversation, limit));
  }

  async relist(): Promise<void> {
    this.#room.relist();
  }

  async renew(): Promise<void> {
    this.#room.renew();
  }

  /** A WebSocket upgrade, handed on by the Worker with a verified identity. */
  override async fetch(request: Request): Promise<Response> {
    const identity = identityOf(request);
    const after = positionOf(request, 'after');
    if (after === null) return refuseUpgrade(request, 'malformed');
    const actor = this.#room.conversation.actor(identity.user_id);
    if (!actor.ok) {
      // Whether they may know of a channel inside a workspace is not known here: then it is as if there were none.
      const known = actor.refusal.code === 'forbidden' && this.#room.conversation.chat.workspace_id === null;
      return refuseUpgrade(request, known ? 'forbidden' : 'not_found');
    }
    if (this.#room.connections.countOf(identity.user_id) >= LIMITS.socketsPerUser) {
      return refuseUpgrade(request, 'rate_limited');
    }
    if (tierOf(this.#room.conversation.chat.member_count) === 'huge') {
      const relay = this.#room.relays.assign(request.headers.get(PLACE_HEADER) ?? ANYWHERE);
      return new Response(null, { status: 307, headers: { [RELAY_HEADER]: relay } });
    }
    const { response, socket } = acceptUpgrade(this.ctx, request);
    greet(this.#room, this.#room.connections.add(socket, identity), after);
    return response;
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    const connection = this.#room.connections.get(socket);
    if (connection === undefined) return;
    if (connection.identity.expires_at <= systemClock()) {
      // Renewal comes before the end; whatever comes after it is refused.
      this.#room.connections.end((other) => other === connection, 'token_expired');
      return;
    }
    const { frames, errors } = parseFrames(data);
    if (floods(connection, frames.length + errors.length, systemClock(), configOf(this.env).rateLimits)) {
      this.#room.connections.end((other) => other === connection, 'rate_limited');
      return;
    }
    for (const error of errors) connection.send(JSON.stringify(error));
    const own = forRoom(connection, frames);
    if (own.length > 0) receive(this.#room, connection, own);
    const renewal = frames.findLast((frame) => frame.t === 'auth');
    if (renewal !== undefined) {
      const { connections, conversation } = this.#room;
      this.#background(renew(this.env, connections, connection, renewal.token, conversation.chat.id));
    }
  }

  override webSocketClose(socket: WebSocket): void {
    this.#room.connections.delete(socket);
    closeQuietly(socket, 1000);
  }

  override webSocketError(socket: WebSocket): void {
    this.#room.connections.delete(socket);
  }

  override async alarm(): Promise<void> {
    await this.#room.alarm();
  }

  #sent(result: Result<Sent>): Result<SentMessage> {
    if (!result.ok) return result;
    const { row, duplicate } = result.value;
    return ok({ ...messageOf(this.#room.conversation.chat.id, row), ...(duplicate ? { duplicate } : {}) });
  }

  #commit<T>(result: Result<Commit>, value: () => T): Result<T> {
    if (!result.ok) return result;
    this.#room.publish(result.value);
    return ok(value());
  }

  #read<T>(user: string, read: (member: MemberRow) => T): Result<T> {
    this.#room.attend();
    const actor = this.#room.conversation.actor(user);
    return actor.ok ? ok(read(actor.value)) : actor;
  }

  #background(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch((fault: unknown) => this.#log('background work failed', { error: String(fault) })));
  }

  #log(message: string, fields: Record<string, unknown>): void {
    console.error(JSON.stringify({ level: 'error', object: 'room', id: this.ctx.id.name, message, ...fields }));
  }
}
