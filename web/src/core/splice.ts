import type { Splice } from './protocol.ts';

/** The part in which two lists differ: equal items at both ends are left out. Undefined when nothing differs. */
export function difference<T>(before: readonly T[], after: readonly T[]): Splice<T> | undefined {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let same = 0;
  while (same < shorter - start && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  const remove = before.length - start - same;
  const insert = after.slice(start, after.length - same);
  return remove === 0 && insert.length === 0 ? undefined : { start, remove, insert };
}

/** The list with the part replaced. */
export function spliced<T>(list: readonly T[], { start, remove, insert }: Splice<T>): readonly T[] {
  return list.toSpliced(start, remove, ...insert);
}
