import type { TidelineClient } from '@tideline/sdk';
import type { Failure } from '../core/protocol.ts';

/** A refusal or failure of a call, as `TidelineError` and `NetworkError` come across the port. */
export class CallError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'CallError';
    this.failure = failure;
  }

  get code(): Failure['code'] {
    return this.failure.code;
  }
}

export const failureCode = (error: unknown): Failure['code'] => (error instanceof CallError ? error.code : 'fault');

/** What of an SDK value comes across the port. */
type Plain<T> = T extends { readonly id: string; readonly open: unknown }
  ? { readonly id: string }
  : T extends { readonly client_id: string; readonly retry: unknown }
    ? { readonly client_id: string }
    : T;

/** An object of the SDK as a tab sees it: its methods answer with promises; its values are not there. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown
    ? K
    : T[K] extends string | number | boolean | null | undefined | readonly unknown[]
      ? never
      : K]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Plain<Awaited<R>>>
    : T[K] extends object
      ? Remote<T[K]>
      : never;
};

export type Call = (path: readonly string[], args: readonly unknown[]) => Promise<unknown>;
export type RemoteChat = Remote<ReturnType<TidelineClient['chat']>>;

/** An object whose methods are calls of the path that leads to them. */
export function remote<T>(call: Call, path: readonly string[] = []): Remote<T> {
  const target = (...args: unknown[]) => call(path, args);
  return new Proxy(target, {
    get: (_, name) => (typeof name === 'string' ? remote(call, [...path, name]) : undefined),
  }) as unknown as Remote<T>;
}
