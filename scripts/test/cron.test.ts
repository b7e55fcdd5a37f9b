import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { everyMinute } from '../local/cron.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-21T08:00:40.000Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

it('runs at the start of every minute, until stopped', async () => {
  const times: string[] = [];
  const cron = everyMinute(
    async (time) => times.push(time.toISOString()),
    (error) => {
      throw error;
    },
  );
  await vi.advanceTimersByTimeAsync(100_000);
  expect(times).toEqual(['2026-11-21T08:01:00.000Z', '2026-11-21T08:02:00.000Z']);
  cron.stop();
  await vi.advanceTimersByTimeAsync(180_000);
  expect(times).toHaveLength(2);
});

it('leaves out a minute whose predecessor is still at work', async () => {
  let begun = 0;
  let end: () => void = () => undefined;
  const cron = everyMinute(
    () => {
      begun += 1;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    },
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(20_000);
  expect(begun).toBe(1);
  await vi.advanceTimersByTimeAsync(45_000);
  end();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(begun).toBe(2);
  cron.stop();
});

it('gives up on a run that takes too long, and reports what fails', async () => {
  const errors: string[] = [];
  let begun = 0;
  const cron = everyMinute(
    () => {
      begun += 1;
      return begun === 1 ? new Promise(() => undefined) : Promise.reject(new Error('no database'));
    },
    (error) => errors.push(String(error)),
  );
  await vi.advanceTimersByTimeAsync(20_000 + 50_000);
  expect(errors).toEqual(['Error: did not end within 50 seconds']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(errors).toEqual(['Error: did not end within 50 seconds', 'Error: no database']);
  cron.stop();
});
