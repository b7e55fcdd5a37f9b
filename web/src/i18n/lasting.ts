import i18next from 'i18next';

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];

/** How long messages can be made to last, seconds. */
export const TIMERS: readonly number[] = [5 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY];

/** The largest unit in which it is a whole number. */
export function parts(seconds: number): {
  readonly unit: 'day' | 'hour' | 'minute' | 'second';
  readonly count: number;
} {
  if (seconds % DAY === 0) return { unit: 'day', count: seconds / DAY };
  if (seconds % HOUR === 0) return { unit: 'hour', count: seconds / HOUR };
  if (seconds % MINUTE === 0) return { unit: 'minute', count: seconds / MINUTE };
  return { unit: 'second', count: seconds };
}

/** A span of time, as it is said: "7 days". */
export function lastingText(seconds: number): string {
  const { unit, count } = parts(seconds);
  return new Intl.NumberFormat(i18next.language, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}
