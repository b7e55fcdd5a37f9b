import fc from 'fast-check';
import { expect, it } from 'vitest';
import { steady, timestamp } from '../src/clock.ts';

it('a time is written as ISO 8601 has it, whatever was written before', () => {
  const near = fc.integer({ min: -200_000, max: 200_000 }).map((offset) => Date.UTC(2026, 10, 22) + offset);
  const any = fc.date({ noInvalidDate: true }).map((date) => date.getTime());
  fc.assert(
    fc.property(fc.array(fc.oneof(near, any), { maxLength: 50 }), (times) => {
      expect(times.map(timestamp)).toEqual(times.map((ms) => new Date(ms).toISOString()));
    }),
  );
});

it('a time that is none is an error', () => {
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1000])
    expect(() => timestamp(ms)).toThrow(RangeError);
});

it('a steady clock never goes back, and goes on with the one that was set back or ahead', () => {
  const step = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: -3_600_000, max: 3_600_000 }));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let now = Date.UTC(2026, 10, 22);
      const clock = steady(() => now);
      expect(clock()).toBe(now);
      for (const ms of steps) {
        const before = clock();
        now += ms;
        expect(clock() - before).toBe(Math.max(0, ms));
      }
    }),
  );
});
