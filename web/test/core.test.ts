import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remote } from '../src/bridge/remote.ts';
import { deviceName } from '../src/core/device.ts';
import { difference, spliced } from '../src/core/splice.ts';

describe('a splice', () => {
  it('leads from one list to the other, and names nothing that both ends share', () => {
    const list = fc.array(fc.integer({ min: 0, max: 5 }));
    fc.assert(
      fc.property(list, list, (before, after) => {
        const splice = difference(before, after);
        if (splice === undefined) {
          expect(before).toEqual(after);
          return;
        }
        expect(spliced(before, splice)).toEqual(after);
        const { start, remove, insert } = splice;
        if (remove > 0 && insert.length > 0) {
          expect(insert[0]).not.toBe(before[start]);
          expect(insert.at(-1)).not.toBe(before[start + remove - 1]);
        }
      }),
    );
  });

  it('of a long list that grew at an end is as short as what was added', () => {
    const before = Array.from({ length: 10_000 }, (_, i) => ({ i }));
    const [older, newer] = [{ i: -1 }, { i: 10_000 }];
    expect(difference(before, [older, ...before])).toEqual({ start: 0, remove: 0, insert: [older] });
    expect(difference(before, [...before, newer])).toEqual({ start: 10_000, remove: 0, insert: [newer] });
    expect(difference(before, [...before])).toBeUndefined();
  });
});

describe('a remote object', () => {
  it('makes of a method call its path and arguments', async () => {
    const calls: unknown[] = [];
    const call = async (path: readonly string[], args: readonly unknown[]) => calls.push([path, args]);
    const client = remote<{ chats: { create(input: { name: string }): Promise<number> } }>(call);
    await client.chats.create({ name: 'Tides' });
    expect(calls).toEqual([[['chats', 'create'], [{ name: 'Tides' }]]]);
  });
});

describe('the name of a device', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0', 'Edge on Windows'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1',
      'Safari on iOS',
    ],
    ['curl/8.0', 'Browser'],
  ])('%s', (userAgent, name) => {
    expect(deviceName(userAgent)).toBe(name);
  });
});
