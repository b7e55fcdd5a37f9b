/** Milliseconds since 1970. Everything that asks for the time takes a Clock, so that tests can move it. */
export type Clock = () => number;
export const systemClock: Clock = () => Date.now();

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
