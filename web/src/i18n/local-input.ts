// What `<input type="datetime-local">` takes and gives: local time without a zone, to the minute.

const two = (value: number): string => String(value).padStart(2, '0');

export const toLocalInput = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;

/** Undefined: no time was given. */
export function fromLocalInput(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Times that people mean: in an hour, tomorrow at nine, and on Monday at nine. */
export function usualTimes(now: Date): { readonly hour: Date; readonly tomorrow: Date; readonly monday: Date } {
  const at = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 9);
  const toMonday = (8 - now.getDay()) % 7 || 7;
  return { hour: new Date(now.getTime() + 60 * 60_000), tomorrow: at(1), monday: at(toMonday) };
}
