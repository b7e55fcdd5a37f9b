import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/errors.ts';
import { ok, refuse } from '../../src/protocol/errors.ts';
import { ask, call } from '../../src/routes/call.ts';

/** An object that fails so many times in a way that the platform names, and then answers. */
function failing(times: number, flags: { retryable?: boolean; overloaded?: boolean }) {
  let calls = 0;
  const attempt = async () => {
    calls += 1;
    if (calls <= times) throw Object.assign(new Error('broken'), flags);
    return 'answer';
  };
  return { attempt, calls: () => calls };
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );

describe('a call to an object', () => {
  it('that failed on the way is made once more', async () => {
    const object = failing(1, { retryable: true });
    expect(await call(object.attempt)).toBe('answer');
    expect(object.calls()).toBe(2);
  });

  it('that fails twice is unavailable, with a time to wait', async () => {
    const object = failing(9, { retryable: true });
    const refused = await call(object.attempt).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'unavailable', extra: { retryAfter: 2 } });
    expect(object.calls()).toBe(2);
  });

  it('that is overloaded is left alone, even when it says that it is retryable', async () => {
    const object = failing(9, { retryable: true, overloaded: true });
    expect(await codeOf(call(object.attempt))).toBe('unavailable');
    expect(object.calls()).toBe(1);
  });

  it('that must not be made twice is not', async () => {
    const object = failing(1, { retryable: true });
    expect(await codeOf(call(object.attempt, { once: true }))).toBe('unavailable');
    expect(object.calls()).toBe(1);
  });

  it('that fails by its own fault shows it', async () => {
    const object = failing(1, {});
    expect(await codeOf(call(object.attempt))).toBe('Error: broken');
    expect(object.calls()).toBe(1);
  });

  it('gives the value of an answer, or throws its refusal', async () => {
    expect(await ask(async () => ok(7))).toBe(7);
    const refused = await ask(async () => refuse('rate_limited', 'later', 3)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'rate_limited', message: 'later', extra: { retryAfter: 3 } });
  });
});
