import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { firstUnread, rowsOf } from '../src/chat/rows.ts';
import type { MessageLine } from '../src/core/protocol.ts';

const SELF = 'usr_self';

function line(seq: number, sender: string, at: string): MessageLine {
  const message = {
    chat_id: 'chat_1',
    seq,
    client_id: `c${seq}`,
    sender_id: sender,
    kind: 'text' as const,
    content: `message ${seq}`,
    created_at: at,
  };
  return { type: 'message', key: `${sender}/c${seq}`, message, status: 'sent', failure: undefined };
}

const lines = [
  line(1, 'usr_a', '2026-03-01T10:00:00.000Z'),
  line(2, 'usr_a', '2026-03-01T10:01:00.000Z'),
  line(3, SELF, '2026-03-01T10:02:00.000Z'),
  line(4, 'usr_a', '2026-03-01T10:20:00.000Z'),
  line(5, 'usr_a', '2026-03-03T10:00:00.000Z'),
];

describe('the rows of a conversation', () => {
  // Times are written in the language of the browser.
  beforeAll(() =>
    Object.defineProperty(globalThis, 'navigator', { value: { languages: ['en-GB'] }, configurable: true }),
  );

  it('join what one sender wrote in one go, and part days', () => {
    const { rows } = rowsOf(lines, undefined);
    expect(rows.map(({ first, last }) => [first, last])).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
      [true, true],
    ]);
    expect(rows.map(({ day }) => day !== undefined)).toEqual([true, false, false, false, true]);
  });

  it('mark the first message of somebody else that was not read', () => {
    const unread = firstUnread(lines, 2, SELF);
    expect(rowsOf(lines, unread).rows.map((row) => row.unread)).toEqual([false, false, false, true, false]);
    expect(firstUnread(lines, 5, SELF)).toBeUndefined();
  });

  it('are, piece by piece, what they are all at once, and the same objects where nothing has changed', () => {
    const senders = ['usr_a', SELF];
    const piece = fc.record({ at: fc.nat(30), remove: fc.nat(3), add: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        let held = rowsOf([], undefined);
        let seq = 0;
        for (const { at, remove, add } of pieces) {
          const made = Array.from({ length: add }, () =>
            line(++seq, senders[seq % 3] ?? 'usr_b', new Date(Date.UTC(2026, 2, 1, seq * 5, seq)).toISOString()),
          );
          const next = held.lines.toSpliced(at, remove, ...made);
          const rows = rowsOf(next, undefined, held);
          expect(rows.rows).toEqual(rowsOf(next, undefined).rows);
          held = rows;
        }
      }),
    );
    const before = rowsOf(lines, undefined);
    const after = rowsOf([...lines, line(6, 'usr_a', '2026-03-03T10:01:00.000Z')], undefined, before);
    expect(after.rows.map((row) => before.rows.includes(row))).toEqual([true, true, true, true, false, false]);
  });
});
