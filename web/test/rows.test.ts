import { beforeAll, describe, expect, it } from 'vitest';
import { type Row, rowsOf } from '../src/chat/rows.ts';
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

const none: ReadonlyMap<string, Row> = new Map();
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
    const rows = rowsOf(lines, undefined, SELF, none);
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
    expect(rowsOf(lines, 2, SELF, none).map(({ unread }) => unread)).toEqual([false, false, false, true, false]);
    expect(rowsOf(lines, undefined, SELF, none).some(({ unread }) => unread)).toBe(false);
  });

  it('stay the same objects where nothing has changed', () => {
    const before = rowsOf(lines, undefined, SELF, none);
    const held = new Map(before.map((row) => [row.key, row]));
    const after = rowsOf([...lines, line(6, 'usr_a', '2026-03-03T10:01:00.000Z')], undefined, SELF, held);
    expect(after.map((row) => before.includes(row))).toEqual([true, true, true, true, false, false]);
  });
});
