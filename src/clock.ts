/** Milliseconds since 1970. Everything that asks for the time takes a Clock, so that tests can move it. */
export type Clock = () => number;
export const systemClock: Clock = () => Date.now();
export const timestamp = (ms: number): string => new Date(ms).toISOString();
