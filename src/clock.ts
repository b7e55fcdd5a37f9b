/** Milliseconds since 1970. Everything that asks for the time takes a Clock, so that tests can move it. */
export type Clock = () => number;
export const systemClock: Clock = () => Date.now();

/**
 * For pauses and timeouts: a clock that never goes back, and goes on when the system's is set back, where what was to come in 20 ms
 * would come an hour later. What had passed since it was last asked then counts as nothing: a pause may take twice its time. Its
 * times say nothing outside this object.
 */
export function steady(clock: Clock): Clock {
  let ahead = 0;
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock();
    if (now + ahead < last) ahead = last - now;
    last = now + ahead;
    return last;
  };
}
export const steadyClock: Clock = steady(systemClock);

/** Whether what was stored for a time is to be done. A time that is further ahead than any pause is of a clock that was set back since. */
export const isDue = (at: number, now: number, longest: number): boolean => at <= now || at > now + longest;

/** Seconds that were written lately, and how they begin as text: to write one anew takes as long as the rest of a frame. */
const SECONDS = 64;
const written: { second: number; text: string }[] = [];

/** A time as ISO 8601 has it in UTC, with milliseconds: "2026-11-22T08:00:03.120Z". */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  const place = Math.abs(second % SECONDS);
  let known = written[place];
  if (known?.second !== second) {
    known = { second, text: new Date(second * 1000).toISOString().slice(0, -'000Z'.length) };
    written[place] = known;
  }
  return `${known.text}${String(Math.trunc(ms) - second * 1000).padStart(3, '0')}Z`;
}
