import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/protocol/limits.ts';
import type { Change, SyncResponse } from '../../../src/protocol/sync.ts';
import { environment, type HttpResponse } from '../../src/environment.ts';
import { Http } from '../../src/http.ts';
import { List } from '../../src/list.ts';
import { MemoryStorage } from '../../src/storage.ts';
import { TestClock } from '../support/clock.ts';

const CHAT = `chat_${'0'.repeat(26)}`;
const saved = (seq: number): Change => ({
  type: 'saved',
  id: `${CHAT}/${seq}`,
  value: { chat_id: CHAT, seq, note: null, saved_at: new Date(0).toISOString() },
});
const page = (cursor: string, ...seqs: number[]) => ({ changes: seqs.map(saved), cursor });

/** A list, and the server behind it: each request is answered by the next of `answers`, or fails. */
function listWith(answers: (SyncResponse | 'lost')[]) {
  const clock = new TestClock();
  const faults: Error[] = [];
  const asked: unknown[] = [];
  const around = environment({
    clock,
    fetch: async (_url, { body }): Promise<HttpResponse> => {
      asked.push(JSON.parse(String(body)));
      const answer = answers.shift() ?? 'lost';
      if (answer === 'lost') throw new TypeError('the network is gone');
      return { status: 200, headers: { get: () => 'application/json' }, text: async () => JSON.stringify(answer) };
    },
  });
  const http = new Http(around, 'http://server', () => ({ token: async () => 'token', renew: async () => undefined }));
  const list = new List(around, http, new MemoryStorage(), {
    positions: () => [],
    events: () => undefined,
    changed: () => undefined,
    fault: (error) => faults.push(error),
  });
  const seqs = () => [...list.items('saved').values()].map(({ seq }) => seq).sort();
  return { list, clock, faults, asked, seqs };
}

describe('the list', () => {
  it('takes nothing of a connection whose sync has failed: its cursor would pass what that sync was to bring', async () => {
    const { list, clock, seqs } = listWith([{ ...page('c1', 1), has_more: false }]);
    await list.sync();
    expect([seqs(), list.cursor]).toEqual([[1], 'c1']);

    // Away for long, 2 has changed meanwhile; the connection ends before the sync does.
    const connection = new AbortController();
    list.hold();
    const syncing = list.sync(connection.signal);
    list.frame(page('c3', 3));
    const failed = expect(syncing).rejects.toThrow();
    connection.abort();
    for (let i = 0; i < 50; i++) {
      clock.advance(10_000);
      await Promise.resolve();
    }
    await failed;
    expect([seqs(), list.cursor]).toEqual([[1], 'c1']);

    // The next one begins where the list stands.
    const replayed = list.replay(new AbortController().signal);
    list.frame(page('c3', 2, 3));
    expect(await replayed).toBe(true);
    list.frame(page('c4', 4));
    expect([seqs(), list.cursor]).toEqual([[1, 2, 3, 4], 'c4']);
  });

  it('asks again when frames come after a sync that has failed', async () => {
    const { list, clock, seqs, asked, faults } = listWith([{ ...page('c1', 1), has_more: false }]);
    await list.sync();
    list.hold();
    const failed = expect(list.sync()).rejects.toThrow();
    for (let i = 0; i < 50; i++) {
      clock.advance(10_000);
      await Promise.resolve();
    }
    await failed;
    const before = asked.length;
    list.frame(page('c3', 3));
    expect(list.cursor).toBe('c1');
    for (let i = 0; i < 50 && faults.length === 0; i++) {
      clock.advance(10_000);
      await Promise.resolve();
    }
    expect(asked.slice(before)[0]).toEqual({ cursor: 'c1', limit: LIMITS.syncPageMax });
    expect([seqs(), list.cursor]).toEqual([[1], 'c1']);
  });

  it('takes what came while a sync was under way that frames join on to, even if it has failed', async () => {
    const { list, clock, seqs } = listWith([{ ...page('c1', 1), has_more: false }]);
    await list.sync();
    const failed = expect(list.sync()).rejects.toThrow();
    list.frame(page('c2', 2));
    for (let i = 0; i < 50; i++) {
      clock.advance(10_000);
      await Promise.resolve();
    }
    await failed;
    expect([seqs(), list.cursor]).toEqual([[1, 2], 'c2']);
  });
});
