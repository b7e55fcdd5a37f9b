import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { GroupCommit } from '../../src/wire/groupcommit.ts';
import { eventually } from '../support/objects.ts';

/** A queue with this pause, in ms, and the batches that it has handled. */
function recorded(pause: number, enough?: number) {
  const batches: number[][] = [];
  const group = new GroupCommit<number>(
    (batch) => batches.push(batch),
    () => pause,
    enough,
  );
  return { batches, group };
}

it('handles the first item of an idle queue at once, in the same tick', () => {
  const { batches, group } = recorded(1);
  const rest = group.add(1);
  expect(batches).toEqual([[1]]);
  return rest;
});

it('gathers what comes while it is busy into one next batch, in order', async () => {
  const { batches, group } = recorded(5);
  expect(group.add(0)).toBeUndefined();
  const rest = group.add(1);
  for (let i = 2; i <= 100; i++) expect(group.add(i)).toBeUndefined();
  expect(group.length).toBe(100);
  await rest;
  expect(batches).toEqual([[0], Array.from({ length: 100 }, (_, i) => i + 1)]);
  expect(group.length).toBe(0);
});

it('is idle again after it has come to rest: the next item is handled at once', async () => {
  const { batches, group } = recorded(1);
  await group.add(1);
  await scheduler.wait(10);
  expect(group.add(2)).toBeUndefined();
  expect(batches).toEqual([[1], [2]]);
});

it('has what comes within the pause wait for its end, though nothing was waiting before', async () => {
  const { batches, group } = recorded(50);
  expect(group.add(1)).toBeUndefined();
  const rest = group.add(2);
  expect(group.add(3)).toBeUndefined();
  expect(batches).toEqual([[1]]);
  await rest;
  expect(batches).toEqual([[1], [2, 3]]);
});

const NEVER = 60_000;

it('ends the pause when enough wait', async () => {
  const { batches, group } = recorded(NEVER, 3);
  void group.add(1);
  void group.add(2);
  await scheduler.wait(20);
  expect(batches).toEqual([[1]]);
  void group.add(3);
  void group.add(4);
  await eventually('the three are handled', () => batches.length === 2);
  for (let i = 5; i <= 8; i++) void group.add(i);
  await eventually('those who came at once too', () => batches.length === 3);
  expect(batches).toEqual([[1], [2, 3, 4], [5, 6, 7, 8]]);
});

it('lets other input in before enough are handled', async () => {
  const { batches, group } = recorded(NEVER, 2);
  void group.add(1);
  void group.add(2);
  void group.add(3);
  await Promise.resolve();
  expect(batches).toEqual([[1]]);
  void group.add(4);
  await eventually('all are handled', () => batches.length === 2);
  expect(batches).toEqual([[1], [2, 3, 4]]);
});

it('takes what is added by the commit itself with the next batch', async () => {
  const seen: number[] = [];
  const group: GroupCommit<number> = new GroupCommit<number>(
    (batch) => {
      seen.push(...batch);
      if (batch.includes(1)) void group.add(2);
    },
    () => 0,
  );
  await group.add(1);
  expect(seen).toEqual([1, 2]);
});

it('loses nothing, doubles nothing and keeps the order, however items and time interleave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ burst: fc.integer({ min: 1, max: 20 }), wait: fc.integer({ min: 0, max: 3 }) }), {
        maxLength: 12,
      }),
      fc.integer({ min: 0, max: 3 }),
      fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
      async (bursts, pause, enough) => {
        const seen: number[] = [];
        const group = new GroupCommit<number>(
          (batch) => {
            seen.push(...batch);
          },
          () => pause,
          enough,
        );
        const work: (Promise<void> | undefined)[] = [];
        let next = 0;
        for (const { burst, wait } of bursts) {
          for (let i = 0; i < burst; i++) work.push(group.add(next++));
          if (wait > 0) await scheduler.wait(wait);
        }
        await Promise.all(work);
        expect(seen).toEqual(Array.from({ length: next }, (_, i) => i));
      },
    ),
    { numRuns: 60 },
  );
});

it('goes on with what waits when a commit throws, and tells of the fault when it has come to rest', async () => {
  const seen: number[] = [];
  const group = new GroupCommit<number>(
    (batch) => {
      if (batch.includes(1)) throw new Error('the disk is full');
      seen.push(...batch);
    },
    () => 1,
  );
  const rest = Promise.all([group.add(1), group.add(2), group.add(3)]);
  await expect(rest).rejects.toThrow('the disk is full');
  await eventually('the rest is handled', () => seen.length === 2);
  expect(seen).toEqual([2, 3]);
  await group.add(4);
  expect(seen).toEqual([2, 3, 4]);
});

it('waits for no hour when the clock is set back by one', async () => {
  const { batches, group } = recorded(20);
  const now = Date.now;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  try {
    void group.add(1);
    clock.mockRestore();
    void group.add(2);
    await eventually('the next batch is handled', () => batches.length === 2);
    expect(batches).toEqual([[1], [2]]);
  } finally {
    clock.mockRestore();
  }
});
