import unsafe from 'workerd:unsafe';
import { database } from '../../../src/db/client.ts';
import { tasks } from '../../../src/db/schema.ts';
import { doorTo } from '../../../src/local/door.ts';
import worker, * as classes from '../../../src/worker.ts';
import { type Action, arm, disarmAll, type Running, running } from './failpoint.ts';

/*
 * The Worker as `npm run chaos` runs it: the real one, with a back door (`/api/__chaos/…`) through which objects are ended and
 * put to sleep, clocks are moved, queues misbehave and failpoints are set. No other build contains this file.
 */

export * from '../../../src/worker.ts';

/** How far the clock is off, in ms. */
let skew = 0;
const now = Date.now.bind(Date);
Date.now = () => now() + skew;

const queue = { twice: false, reversed: false };

/** The alarm of an object keeps to the real time, whatever the object takes for the time. */
function skewAlarm(storage: DurableObjectStorage): void {
  const setAlarm = storage.setAlarm.bind(storage);
  const getAlarm = storage.getAlarm.bind(storage);
  Object.defineProperties(storage, {
    setAlarm: {
      value: (at: number | Date, options?: DurableObjectSetAlarmOptions) => setAlarm(Number(at) - skew, options),
    },
    getAlarm: {
      value: async (options?: DurableObjectGetAlarmOptions) => {
        const at = await getAlarm(options);
        return at === null ? null : at + skew;
      },
    },
  });
}

export interface Probe {
  /** Users to whom something is still to be told. */
  outbox: number;
  /** An alarm is to come that guards what may be untold; one for a time of the room's own does not count (`alarms.ts`). */
  alarm: boolean;
  /** Relays that hold sockets of the conversation, as the room knows. */
  relays: number;
}
export interface BackDoor {
  chaosAbort(): Promise<void>;
  chaosProbe(): Promise<Probe>;
}

type ObjectClass = new (ctx: DurableObjectState, env: Env) => Rpc.DurableObjectBranded;

/** An object whose every entry runs with the means to end it. */
function breakable<C extends ObjectClass>(Base: C): C {
  const contexts = new WeakMap<object, Running & { ctx: DurableObjectState }>();
  const contextOf = (self: object) => {
    const context = contexts.get(self);
    if (context === undefined) throw new Error('an object has its context from its constructor');
    return context;
  };
  const around: ProxyHandler<C> = {
    construct(target, [ctx, env]: [DurableObjectState, Env], newTarget) {
      skewAlarm(ctx.storage);
      const context = { ctx, abort: () => ctx.abort('chaos') };
      const made: object = running.run(context, () => Reflect.construct(target, [ctx, env], newTarget));
      contexts.set(made, context);
      return made;
    },
  };
  const Entered = new Proxy(Base, around);
  // A class of its own, so that what is added here is not added to the real one.
  class Breakable extends (Entered as ObjectClass) {
    async chaosAbort(): Promise<void> {
      contextOf(this).ctx.abort('chaos');
    }
    async chaosProbe(): Promise<Probe> {
      const { storage } = contextOf(this).ctx;
      const exists = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").toArray().length > 0;
      const count = (query: string) => (exists ? storage.sql.exec(query).toArray().length : 0);
      const [outbox, relays] = [count('SELECT user_id FROM outbox'), count('SELECT name FROM relays')];
      const at = await storage.getAlarm();
      return { outbox, alarm: at !== null && at % 2 === 1, relays };
    }
  }
  for (const name of Object.getOwnPropertyNames(Base.prototype)) {
    const method: unknown = Reflect.get(Base.prototype, name);
    if (name === 'constructor' || typeof method !== 'function') continue;
    Object.defineProperty(Breakable.prototype, name, {
      value(this: object, ...args: unknown[]): unknown {
        return running.run(contextOf(this), () => Reflect.apply(method, this, args));
      },
      configurable: true,
      writable: true,
    });
  }
  return Breakable as unknown as C;
}

export const ConversationRoom = breakable(classes.ConversationRoom);
export const UserInbox = breakable(classes.UserInbox);
export const RoomRelay = breakable(classes.RoomRelay);

type ObjectKind = 'room' | 'inbox' | 'relay';
interface Order {
  points?: { name: string; action: Action; after: number }[];
  skew?: number;
  twice?: boolean;
  reversed?: boolean;
  kind?: ObjectKind;
  name?: string;
  act?: 'abort' | 'hibernate' | 'close';
  rooms?: string[];
}

type AnyStub = DurableObjectStub & BackDoor;
function stubOf(env: Env, kind: ObjectKind, name: string): AnyStub {
  const namespace = { room: env.ROOMS, inbox: env.INBOXES, relay: env.RELAYS }[kind];
  return namespace.get(namespace.idFromName(name)) as unknown as AnyStub;
}

const doors: Record<string, (env: Env, order: Order) => Promise<unknown> | unknown> = {
  failpoints: (_env, { points = [] }) => {
    if (points.length === 0) disarmAll();
    for (const { name, action, after } of points) arm(name, { action, after });
    return null;
  },
  clock: (_env, order) => {
    skew = order.skew ?? 0;
    return null;
  },
  queue: (_env, { twice = false, reversed = false }) => Object.assign(queue, { twice, reversed }),
  object: async (env, { kind = 'room', name = '', act = 'abort' }) => {
    const stub = stubOf(env, kind, name);
    // Ending an object fails the call that ends it.
    if (act === 'abort') await stub.chaosAbort().catch(() => undefined);
    // One that sleeps already, or is busy, is left as it is.
    else await unsafe.evict(stub, { webSockets: act }).catch(() => undefined);
    return null;
  },
  // The cron, as if an hour had passed: whatever waits is due.
  sweep: async (env) => {
    await worker.scheduled({ cron: '', scheduledTime: Date.now() + 60 * 60 * 1000, noRetry: () => undefined }, env);
    return null;
  },
  probe: async (env, { rooms = [] }) => {
    const probes = await Promise.all(rooms.map((name) => stubOf(env, 'room', name).chaosProbe()));
    const waiting = await database(env).select({ id: tasks.id, kind: tasks.kind }).from(tasks);
    return {
      outbox: probes.reduce((sum, probe) => sum + probe.outbox, 0),
      alarms: probes.filter((probe) => probe.alarm).length,
      relays: probes.reduce((sum, probe) => sum + probe.relays, 0),
      tasks: waiting,
    };
  },
};

const PREFIX = '/api/__chaos/';

/** A batch as a queue may deliver it that promises no order. */
function reversed(batch: MessageBatch): MessageBatch {
  return {
    queue: batch.queue,
    metadata: batch.metadata,
    messages: [...batch.messages].reverse(),
    ackAll: () => batch.ackAll(),
    retryAll: (options) => batch.retryAll(options),
  };
}

const served = {
  ...worker,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(PREFIX)) {
      const context = {
        abort: () => {
          throw new Error('the request was broken off');
        },
      };
      return running.run(context, () => worker.fetch(request, env, ctx));
    }
    const open = doors[pathname.slice(PREFIX.length)];
    if (open === undefined) return new Response(null, { status: 404 });
    const order: Order = await request.json();
    try {
      return Response.json((await open(env, order)) ?? null);
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    }
  },
  async queue(batch, env) {
    const delivered = queue.reversed ? reversed(batch) : batch;
    await worker.queue(delivered, env);
    if (queue.twice) await worker.queue(delivered, env);
  },
} satisfies ExportedHandler<Env>;

export default served;
export const door = doorTo(served.fetch);
