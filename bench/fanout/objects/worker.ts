/**
 * The whole of Tideline, with everything counted that the platform charges for: the real Worker and the real objects,
 * observed from outside. Under `/bench/` stands what the bench needs to ask and to set.
 */
import { z } from 'zod';
import { signPair } from '../../../src/auth/tokens.ts';
import { configOf } from '../../../src/config.ts';
import { newId } from '../../../src/ids.ts';
import * as objects from '../../../src/worker.ts';
import { addCounts, groupOf, type Kind, noGroup, type Snapshot } from '../counts.ts';
import { inboxesOf, observeEnv, observeState, observeTimers } from './instruments.ts';
import { everyone, observed } from './observed.ts';

observeTimers();

/** Wraps every event of a class: its RPC methods and the platform's handlers. */
function observeEvents(kind: Kind, wrapped: object, original: object): void {
  for (const name of Object.getOwnPropertyNames(original)) {
    const method: unknown = Reflect.get(original, name);
    if (name === 'constructor' || typeof method !== 'function') continue;
    Object.defineProperty(wrapped, name, {
      configurable: true,
      writable: true,
      value(this: { ctx: DurableObjectState }, ...args: unknown[]): unknown {
        const one = observed(kind, this.ctx.id.name ?? '');
        if (name === 'webSocketMessage') one.message();
        if (name === 'alarm') one.alarmRang();
        return one.during(() => Reflect.apply(method, this, args));
      },
    });
  }
}

/** Observed from before the object itself is made: its start costs rows too. */
function start(kind: Kind, ctx: DurableObjectState, env: Env): Env {
  const one = observed(kind, ctx.id.name ?? '');
  observeState(ctx, one);
  return observeEnv(env, one);
}

export class ConversationRoom extends objects.ConversationRoom {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, start('room', ctx, env));
  }

  /** What a search is without an index: a look at every message, the newest first. @returns how many were found, at most `limit` */
  async scan(text: string, limit: number): Promise<number> {
    const query = `SELECT seq FROM events WHERE type IN ('message', 'thread.reply') AND instr(lower(content), ?) > 0
      ORDER BY seq DESC LIMIT ?`;
    return this.ctx.storage.sql.exec(query, text, limit).toArray().length;
  }
}
export class UserInbox extends objects.UserInbox {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, start('inbox', ctx, env));
  }
}
export class RoomRelay extends objects.RoomRelay {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, start('relay', ctx, env));
  }
}
observeEvents('room', ConversationRoom.prototype, objects.ConversationRoom.prototype);
observeEvents('inbox', UserInbox.prototype, objects.UserInbox.prototype);
observeEvents('relay', RoomRelay.prototype, objects.RoomRelay.prototype);

/** Conversations by the group with which they are counted. */
const groups = new Map<string, string>();

/** Users whom the bench did not number, and what they made, are counted with the Worker. */
const FRONT = 'front';

function groupOfObject(kind: Kind, name: string): string {
  if (kind === 'worker') return FRONT;
  return (kind === 'inbox' ? groupOf(name) : groups.get(name.split('/')[0] ?? '')) ?? FRONT;
}

function snapshot(): Snapshot {
  const counted: Snapshot['groups'] = {};
  const restless: Snapshot['restless'] = [];
  for (const one of everyone()) {
    const { kind, name } = one;
    const group = groupOfObject(kind, name);
    counted[group] ??= noGroup();
    addCounts(counted[group][kind], one.counts);
    if (one.busy || one.alarm) restless.push({ group, kind, name, why: one.busy ? 'busy' : 'alarm' });
  }
  return { groups: counted, restless };
}

const NewChat = z.object({
  group: z.int(),
  inboxes: z.object({ real: z.int(), online: z.int() }),
});
const Call = z.object({ name: z.string(), method: z.string(), args: z.array(z.unknown()) });
const Calls = z.object({ name: z.string(), method: z.string(), each: z.array(z.array(z.unknown())) });
const Users = z.object({ users: z.array(z.string()) });

const front = observed('worker', '');
const { fetch: serve, queue, scheduled } = objects.default;

/** A method of a room, as its Worker calls it. */
function methodOf(env: Env, name: string, method: string): (args: unknown[]) => unknown {
  const stub = env.ROOMS.get(env.ROOMS.idFromName(name));
  const member: unknown = Reflect.get(stub, method);
  if (typeof member !== 'function') throw new Error(`a room has no ${method}`);
  return (args) => Reflect.apply(member, stub, args);
}

/** What the bench asks for. Nothing of it is counted, but for what it makes the objects do. */
const DESK: Record<string, (env: Env, body: unknown) => unknown> = {
  counts: () => snapshot(),
  chat(_env, body) {
    const { group, inboxes } = NewChat.parse(body);
    const id = newId('chat');
    inboxesOf.set(id, inboxes);
    groups.set(id, String(group));
    return { id };
  },
  tokens(env, body) {
    const issued_at = Math.floor(Date.now() / 1000);
    const session = (user_id: string) => ({ user_id, id: newId('ses'), generation: 1, issued_at });
    return Promise.all(
      Users.parse(body).users.map(async (user) => (await signPair(configOf(env), session(user))).token),
    );
  },
  /** Runs the scheduled task, which is counted as the request that it is. */
  async cron(env) {
    front.request();
    const controller = { scheduledTime: Date.now(), cron: '* * * * *', noRetry: () => undefined };
    await front.during(() => scheduled(controller, observeEnv(env, front)));
  },
  room(env, body) {
    const { name, method, args } = Call.parse(body);
    return methodOf(env, name, method)(args);
  },
  /** The same call with each of these arguments, all at once. */
  async roomAll(env, body) {
    const { name, method, each } = Calls.parse(body);
    await Promise.all(each.map(methodOf(env, name, method)));
  },
};

async function desk(request: Request, env: Env, name: string): Promise<Response> {
  const ask = DESK[name];
  if (ask === undefined) return new Response(`there is no /bench/${name}`, { status: 404 });
  return Response.json((await ask(env, await request.json())) ?? null);
}

export default {
  fetch(request, env, ctx) {
    const name = /^\/bench\/(\w+)$/.exec(new URL(request.url).pathname)?.[1];
    if (name !== undefined) return desk(request, env, name);
    front.request();
    return front.during(() => serve(request, observeEnv(env, front), ctx));
  },
  queue: (batch, env) => front.during(() => queue(batch, observeEnv(env, front))),
  scheduled: (controller, env) => front.during(() => scheduled(controller, observeEnv(env, front))),
} satisfies ExportedHandler<Env>;
