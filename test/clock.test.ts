import fc from 'fast-check';
import { expect, it } from 'vitest';
import { timestamp } from '../src/clock.ts';

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
