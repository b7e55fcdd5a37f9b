/** Milliseconds since 1970. Everything that asks for the time takes a Clock, so that tests can move it. */
export type Clock = () => number;
export const systemClock: Clock = () => Date.now();
let last = { ms: 0, text: new Date(0).toISOString() };
/** RFC 3339, in UTC. What happens at once is written at once: the text of the last time is kept. */
export function timestamp(ms: number): string {
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() };
  return last.text;
}
