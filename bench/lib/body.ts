/**
 * Every text that the bench sends is 100 bytes of ASCII: a mark, a number of nine digits, filler. A receiver finds the
 * number in any frame by its bytes and never parses JSON.
 */
export const TEXT_BYTES = 100;
export const ID_DIGITS = 9;
const FILLER = 'abcdefghij'.repeat(10);

const digits = (id: number) => String(id).padStart(ID_DIGITS, '0');
export const textOf = (id: number): string => `~#${digits(id)}${FILLER}`.slice(0, TEXT_BYTES);
export const clientIdOf = (id: number): string => `b${digits(id)}`;

/** Whether a text's mark lies at `at`. */
export const isMark = (data: Buffer, at: number): boolean => data[at] === 0x7e && data[at + 1] === 0x23;

/** The nine digits at `at`. */
export function readId(data: Buffer, at: number): number {
  let id = 0;
  for (let i = at; i < at + ID_DIGITS; i++) id = id * 10 + (data[i] ?? 0) - 48;
  return id;
}

/** Where the next mark begins in `data` between `from` and `end`, or -1. */
export function findMark(data: Buffer, from: number, end: number): number {
  for (let i = from; i < end - ID_DIGITS - 1; i++) if (data[i] === 0x7e && data[i + 1] === 0x23) return i;
  return -1;
}

/** The whole number that follows `key` (as it stands in the JSON, colon included) between `from` and `end`, or -1. */
export function readNumber(data: Buffer, key: Uint8Array, from: number, end: number): number {
  const first = key[0];
  outer: for (let i = from; i < end - key.length; i++) {
    if (data[i] !== first) continue;
    for (let k = 1; k < key.length; k++) if (data[i + k] !== key[k]) continue outer;
    let value = 0;
    for (let at = i + key.length; at < end; at++) {
      const digit = (data[at] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return value;
  }
  return -1;
}
