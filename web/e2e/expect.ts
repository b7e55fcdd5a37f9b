import { AssertionError } from 'node:assert';

/** Throws what was wrong unless it is so. */
export function expect(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new AssertionError({ message: otherwise });
}

/** Waits until the two are equal. */
export async function eventually<T>(read: () => Promise<T>, wanted: T, what: string, within = 30_000): Promise<void> {
  const end = Date.now() + within;
  for (;;) {
    const value = await read().catch((error: unknown) => error);
    if (JSON.stringify(value) === JSON.stringify(wanted)) return;
    if (Date.now() > end) {
      throw new AssertionError({
        message: `${what}: ${String(JSON.stringify(value) ?? value)} in place of ${JSON.stringify(wanted)}`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
