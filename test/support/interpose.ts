import { env } from 'cloudflare:workers';

/*
 * Makes a race happen: the environment with objects that do something of ours before a call of theirs goes on. The
 * objects and their answers stay the real ones.
 */

type Namespace = 'ROOMS' | 'INBOXES';

/** `before` runs once, before the first call (or the `nth`) of `method` on an object of the namespace. */
export function interposed(namespace: Namespace, method: string, before: () => Promise<unknown>, nth = 1): Env {
  let calls = 0;
  const around = (stub: object): object =>
    new Proxy(stub, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (property === method) {
            calls += 1;
            if (calls === nth) await before();
          }
          const answer: unknown = await Reflect.apply(value, target, args);
          return answer;
        };
      },
    });
  return {
    ...env,
    [namespace]: new Proxy(env[namespace], {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(value, target, args);
          return property === 'get' && typeof result === 'object' && result !== null ? around(result) : result;
        };
      },
    }),
  };
}

/** `before` runs once, before the first batch of statements on D1. */
export function beforeBatch(before: () => Promise<unknown>): Env {
  let ran = false;
  const batch: D1Database['batch'] = async (statements) => {
    if (!ran) {
      ran = true;
      await before();
    }
    return env.DB.batch(statements);
  };
  const DB = new Proxy(env.DB, {
    get(target, property) {
      if (property === 'batch') return batch;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...env, DB };
}

/**
 * The environment in which the `nth` call to D1, to an object or to the queue fails: it is not made (`before`), or it is and its
 * answer is lost (`after`). `failed` says whether it came to that.
 */
export function faulty(nth: number, when: 'before' | 'after'): { env: Env; failed: () => boolean } {
  let calls = 0;
  const step = async <T>(call: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls !== nth) return call();
    if (when === 'after') await call();
    throw new Error('a fault of the test');
  };
  /** The target with every call counted, but for those of `except`, which answer for themselves. */
  const counted = <T extends object>(target: T, except: Record<string, unknown> = {}): T =>
    new Proxy(target, {
      get(_, property) {
        if (typeof property === 'string' && property in except) return except[property];
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          step(async () => {
            const answer: unknown = await Reflect.apply(value, target, args);
            return answer;
          });
      },
    });
  const plain = new WeakMap<object, D1PreparedStatement>();
  const statement = (target: D1PreparedStatement): D1PreparedStatement => {
    const proxy = counted(target, { bind: (...values: unknown[]) => statement(target.bind(...values)) });
    plain.set(proxy, target);
    return proxy;
  };
  const batch = (statements: D1PreparedStatement[]) =>
    step(() => env.DB.batch(statements.map((one) => plain.get(one) ?? one)));
  const objects = <T extends object>(namespace: T): T =>
    new Proxy(namespace, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const result: unknown = Reflect.apply(value, target, args);
          return property === 'get' && typeof result === 'object' && result !== null ? counted(result) : result;
        };
      },
    });
  return {
    env: {
      ...env,
      DB: counted(env.DB, { prepare: (query: string) => statement(env.DB.prepare(query)), batch }),
      ROOMS: objects(env.ROOMS),
      INBOXES: objects(env.INBOXES),
      TASKS: counted(env.TASKS),
    },
    failed: () => calls >= nth,
  };
}
