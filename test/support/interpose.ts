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
