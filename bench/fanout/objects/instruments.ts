import { type Inboxes, indexOf, type Kind } from '../counts.ts';
import { type Observed, running } from './observed.ts';

/** Shadows methods of one object: its own, not those of its class. */
const shadow = <T extends object, K extends keyof T>(target: T, name: K, method: T[K]): void => {
  Object.defineProperty(target, name, { value: method, configurable: true, writable: true });
};

/** Counts what an object does with its storage, and what it leaves to be done in the background. */
export function observeState(ctx: DurableObjectState, one: Observed): void {
  const { storage } = ctx;
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  shadow(sql, 'exec', <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]) => {
    const cursor = exec<T>(query, ...bindings);
    one.ran(query, cursor);
    return cursor;
  });
  const setAlarm = storage.setAlarm.bind(storage);
  shadow(storage, 'setAlarm', (time: number | Date, options?: DurableObjectSetAlarmOptions) => {
    one.alarmSet(Number(time));
    return setAlarm(time, options);
  });
  const waitUntil = ctx.waitUntil.bind(ctx);
  shadow(ctx, 'waitUntil', (promise) => {
    waitUntil(promise.finally(one.hold()));
  });
  one.started(sql);
}

/** How members' inboxes answer, by conversation. */
export const inboxesOf = new Map<string, Inboxes>();

const environments = new WeakMap<Observed, { of: Env; env: Env }>();

/** The environment of an object: the same bindings, with each call to another object counted. */
export function observeEnv(env: Env, one: Observed): Env {
  const known = environments.get(one);
  if (known?.of === env) return known.env;
  const { DB, TASKS } = env;
  const counted = {
    ...env,
    ROOMS: observeNamespace(env.ROOMS, one, 'room'),
    INBOXES: observeNamespace(env.INBOXES, one, 'inbox'),
    RELAYS: observeNamespace(env.RELAYS, one, 'relay'),
    ...(one.kind === 'worker' ? { DB: observeDatabase(DB, one), TASKS: observeQueue(TASKS, one) } : {}),
  };
  environments.set(one, { of: env, env: counted });
  return counted;
}

function observeNamespace<T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  one: Observed,
  kind: Kind,
): DurableObjectNamespace<T> {
  return new Proxy(namespace, {
    get(target, name) {
      if (name === 'get') {
        return (id: DurableObjectId, options?: DurableObjectNamespaceGetDurableObjectOptions) =>
          observeStub(target.get(id, options), id.name ?? '', one, kind);
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

function observeStub<T extends object>(stub: T, name: string, one: Observed, kind: Kind): T {
  return new Proxy(stub, {
    get(target, method) {
      const member: unknown = Reflect.get(target, method, target);
      if (typeof member !== 'function' || typeof method !== 'string') return member;
      return (...args: unknown[]): unknown => {
        one.calls(`${kind}.${method}`);
        return answerInPlace(one, kind, name, method) ?? Reflect.apply(member, target, args);
      };
    },
  });
}

const wait = scheduler.wait.bind(scheduler);

/** Where the inboxes of a conversation's members are only counted, this answers in their place. */
function answerInPlace(one: Observed, kind: Kind, name: string, method: string): Promise<unknown> | undefined {
  if (kind !== 'inbox' || one.kind !== 'room') return undefined;
  const inboxes = inboxesOf.get(one.name);
  if (inboxes === undefined || indexOf(name) < inboxes.real) return undefined;
  // As a real call does, it lets the room do other things meanwhile.
  const devices = indexOf(name) < inboxes.online ? 1 : 0;
  return wait(0).then(() => (method === 'notify' ? { devices } : undefined));
}

function observeQueue<T>(queue: Queue<T>, one: Observed): Queue<T> {
  return new Proxy(queue, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        one.queued(Array.isArray(args[0]) ? args[0].length : 1);
        return Reflect.apply(member, target, args);
      };
    },
  });
}

function observeDatabase(database: D1Database, one: Observed): D1Database {
  const counted = <T>(result: D1Result<T>): D1Result<T> => {
    one.d1(result.meta.rows_read, result.meta.rows_written);
    return result;
  };
  const originals = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const statement = (original: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(original, {
      get(target, name) {
        switch (name) {
          case 'bind':
            return (...values: unknown[]) => statement(target.bind(...values));
          case 'all':
            return async () => counted(await target.all());
          case 'run':
            return async () => counted(await target.run());
          // `raw` tells no counts: the same rows, from the call that does.
          case 'raw':
            return async () => counted(await target.all<Record<string, unknown>>()).results.map(Object.values);
          case 'first':
            return async () => counted(await target.all()).results[0] ?? null;
          default:
            throw new Error(`the bench does not count D1's ${String(name)}`);
        }
      },
    });
    originals.set(proxy, original);
    return proxy;
  };
  return new Proxy(database, {
    get(target, name) {
      switch (name) {
        case 'prepare':
          return (query: string) => statement(target.prepare(query));
        case 'batch':
          return async (statements: D1PreparedStatement[]) =>
            (await target.batch(statements.map((one) => originals.get(one) ?? one))).map(counted);
        case 'withSession':
          return () => observeDatabase(database, one);
        default:
          throw new Error(`the bench does not count D1's ${String(name)}`);
      }
    },
  });
}

/** Pauses and timers keep an object awake: each is put to the account of the object whose event made it. */
export function observeTimers(): void {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const releases = new Map<unknown, () => void>();
  const release = (timer: unknown) => {
    releases.get(timer)?.();
    releases.delete(timer);
  };
  shadow(globalThis, 'setTimeout', ((callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const one = running.getStore();
    const timer = set(() => {
      try {
        callback(...args);
      } finally {
        release(timer);
      }
    }, ms);
    if (one !== undefined) releases.set(timer, one.holdTimer());
    return timer;
  }) as typeof setTimeout);
  shadow(globalThis, 'clearTimeout', ((timer: Parameters<typeof clear>[0]) => {
    release(timer);
    clear(timer);
  }) as typeof clearTimeout);
  shadow(scheduler, 'wait', (ms, options) => {
    const done = running.getStore()?.holdTimer();
    const waited = wait(ms, options);
    return done === undefined ? waited : waited.finally(done);
  });
}
