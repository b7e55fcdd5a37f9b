// The part of the runtime's Node compatibility that is used here; Node's own types would hide the Worker's.
declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, callback: () => R): R;
    getStore(): T | undefined;
  }
}
