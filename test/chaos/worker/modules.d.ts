// The part of the runtime's Node compatibility that is used here; Node's own types would hide the Worker's.
declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, callback: () => R): R;
    getStore(): T | undefined;
  }
}

// Of workerd, behind the flag `unsafe_module`: for tests.
declare module 'workerd:unsafe' {
  const unsafe: {
    evict(stub: DurableObjectStub, options: { webSockets: 'hibernate' | 'close' }): Promise<void>;
    abortAllDurableObjects(): Promise<void>;
  };
  export default unsafe;
}
