import { expect, it, vi } from 'vitest';
import { Timetable } from '../../src/conversation/timetable.ts';

const wait = (ms: number) => scheduler.wait(ms);

it('names come due in the order of their times, each once, and not before its time', async () => {
  const start = Date.now();
  const came: { name: string; after: number }[] = [];
  const timetable = new Timetable((name) => came.push({ name, after: Date.now() - start }));
  timetable.add('third', 200);
  timetable.add('first', 50);
  timetable.add('second', 120);
  await wait(400);
  expect(came.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  for (const [index, least] of [50, 120, 200].entries()) expect(came[index]?.after).toBeGreaterThanOrEqual(least);
});

it('a name that is taken out does not come; one that is added again comes at its new time', async () => {
  const came: string[] = [];
  const timetable = new Timetable((name) => came.push(name));
  timetable.add('gone', 50);
  timetable.add('moved', 50);
  timetable.add('moved', 150);
  expect(timetable.delete('gone')).toBe(true);
  expect(timetable.delete('gone')).toBe(false);
  await wait(100);
  expect(came).toEqual([]);
  await wait(150);
  expect(came).toEqual(['moved']);
  expect(timetable.delete('moved')).toBe(false);
});

it('a name may be added while names come due', async () => {
  const came: string[] = [];
  const timetable: Timetable = new Timetable((name) => {
    came.push(name);
    if (came.length < 4) timetable.add(name, 30);
  });
  timetable.add('again', 30);
  await wait(400);
  expect(came).toEqual(['again', 'again', 'again', 'again']);
});

it('one that comes due may take out another of the same time, or put it off', async () => {
  const came: string[] = [];
  const timetable: Timetable = new Timetable((name) => {
    came.push(name);
    if (name !== 'first') return;
    timetable.delete('gone');
    timetable.add('late', 150);
  });
  for (const name of ['first', 'gone', 'late']) timetable.add(name, 50);
  await wait(120);
  expect(came).toEqual(['first']);
  await wait(200);
  expect(came).toEqual(['first', 'late']);
});

it('takes more names than an object may have timers', async () => {
  let came = 0;
  const timetable = new Timetable(() => {
    came += 1;
  });
  for (let name = 0; name < 30_000; name++) timetable.add(`${name}`, 50 + (name % 100));
  await wait(600);
  expect(came).toBe(30_000);
});

it('names come due at their time when the clock is set back', async () => {
  const came: string[] = [];
  const timetable = new Timetable((name) => came.push(name));
  const now = Date.now;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  try {
    timetable.add('first', 50);
    clock.mockRestore();
    timetable.add('second', 100);
    await wait(400);
    expect(came).toEqual(['first', 'second']);
  } finally {
    clock.mockRestore();
  }
});
