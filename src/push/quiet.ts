import type { QuietHours } from '../protocol/push.ts';

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** Whether the user wants to be left alone at this time. @param now milliseconds since 1970 */
export function isQuiet({ from, to, time_zone }: QuietHours, now: number): boolean {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: time_zone, hour: '2-digit', minute: '2-digit' });
  const at = minutesOf(clock.format(now));
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  return begin <= end ? begin <= at && at < end : at >= begin || at < end;
}
