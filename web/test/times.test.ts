import { describe, expect, it } from 'vitest';
import { parts } from '../src/i18n/lasting.ts';
import { fromLocalInput, toLocalInput, usualTimes } from '../src/i18n/local-input.ts';

describe('a time in a field', () => {
  it('is the local one, to the minute, and comes back as it went', () => {
    const date = new Date(2026, 0, 5, 7, 3, 59);
    expect(toLocalInput(date)).toBe('2026-01-05T07:03');
    expect(fromLocalInput('2026-01-05T07:03')?.getTime()).toBe(new Date(2026, 0, 5, 7, 3).getTime());
    for (const text of ['', 'soon', '2026-13-01T00:00']) expect(fromLocalInput(text)).toBeUndefined();
  });

  it.each([
    [new Date(2026, 10, 21, 18, 0), '2026-11-22T09:00', '2026-11-23T09:00'],
    [new Date(2026, 10, 22, 8, 0), '2026-11-23T09:00', '2026-11-23T09:00'],
    [new Date(2026, 10, 23, 8, 0), '2026-11-24T09:00', '2026-11-30T09:00'],
    [new Date(2026, 11, 31, 23, 59), '2027-01-01T09:00', '2027-01-04T09:00'],
  ])('from %s, the usual ones lie ahead', (now, tomorrow, monday) => {
    const times = usualTimes(now);
    expect(times.hour.getTime() - now.getTime()).toBe(3_600_000);
    expect([toLocalInput(times.tomorrow), toLocalInput(times.monday)]).toEqual([tomorrow, monday]);
  });
});

describe('how long messages last', () => {
  it('is said in the largest unit that fits', () => {
    expect([300, 3_600, 86_400, 604_800, 90, 129_600].map(parts)).toEqual([
      { unit: 'minute', count: 5 },
      { unit: 'hour', count: 1 },
      { unit: 'day', count: 1 },
      { unit: 'day', count: 7 },
      { unit: 'second', count: 90 },
      { unit: 'hour', count: 36 },
    ]);
  });
});
