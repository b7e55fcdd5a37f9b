import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RATES } from '../../src/protocol/limits.ts';
import { floods } from '../../src/wire/flood.ts';
import { limiter, RateLimiter } from '../../src/wire/rate.ts';

describe('a rate', () => {
  it.each(Object.entries(RATES))('%s lets the burst through, and not one more', (_, rate) => {
    const limit = new RateLimiter(rate);
    for (let i = 0; i < rate.burst; i++) expect(limit.take('ada', 1000)).toBe(0);
    expect(limit.take('ada', 1000)).toBe(1);
    expect(limit.take('ben', 1000)).toBe(0);
  });

  it.each(Object.entries(RATES))('%s goes on at its steady pace', (_, rate) => {
    const limit = new RateLimiter(rate);
    limit.take('ada', 0, rate.burst);
    expect(limit.take('ada', 999, rate.perSecond)).toBeGreaterThan(0);
    expect(limit.take('ada', 1000, rate.perSecond)).toBe(0);
    expect(limit.take('ada', 1000)).toBe(1);
  });

  it('says how long to wait, and that is enough', () => {
    const limit = new RateLimiter({ perSecond: 2, burst: 10 });
    limit.take('ada', 0, 10);
    const wait = limit.take('ada', 0, 5);
    expect(wait).toBe(3);
    expect(limit.take('ada', wait * 1000, 5)).toBe(0);
  });

  it('never lets more through than the burst and the pace, whatever comes when', () => {
    const step = fc.record({ after: fc.integer({ min: 0, max: 400 }), count: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const rate = { perSecond: 10, burst: 8 };
        const limit = new RateLimiter(rate);
        let now = 0;
        let taken = 0;
        for (const { after, count } of steps) {
          now += after;
          if (limit.take('ada', now, count) === 0) taken += count;
          expect(taken).toBeLessThanOrEqual(rate.burst + (now / 1000) * rate.perSecond + 1e-6);
        }
      }),
    );
  });

  it('does not hold it against anybody that the clock went back', () => {
    const limit = new RateLimiter({ perSecond: 10, burst: 10 });
    limit.take('ada', 3_600_000, 10);
    expect(limit.take('ada', 0)).toBe(1);
    expect(limit.take('ada', 1000)).toBe(0);
  });

  it('remembers a bounded number of names', () => {
    const limit = new RateLimiter({ perSecond: 1, burst: 1 });
    for (let i = 0; i < 25_000; i++) limit.take(`user ${i}`, 0);
    expect(limit.take('user 24999', 0)).toBe(1);
    expect(limit.take('user 0', 0)).toBe(0);
  });

  it('is no limit where the operator has switched it off', () => {
    expect(limiter('sendsPerUser', false)).toBeUndefined();
    const socket = {};
    for (let i = 0; i < 3000; i++) expect(floods(socket, 1, 0, false)).toBe(false);
  });

  it('counts the frames of each socket, and an empty message as one', () => {
    const [a, b] = [{}, {}];
    const { burst } = RATES.framesPerSocket;
    expect(floods(a, burst - 1, 0, true)).toBe(false);
    expect(floods(a, 0, 0, true)).toBe(false);
    expect(floods(a, 1, 0, true)).toBe(true);
    expect(floods(b, 1, 0, true)).toBe(false);
  });
});
