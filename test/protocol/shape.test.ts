import { expect, it } from 'vitest';
import { differences } from './support/shape.ts';

const documented = {
  t: 'receipt',
  user_id: 'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
  at: '2026-11-21T08:00:00.000Z',
  read_seq: 3,
  note: null,
  list: [{ type: 'a' }, { type: 'b', more: 'x' }],
  by_chat: { chat_01kahq2c6tq9m3d5e7g8h0j1kn: [1] },
};

it('is the same with other values', () => {
  const real = {
    ...documented,
    user_id: 'usr_01kahq1b5sn8k2c4d6f7g9h0jm',
    at: '2027-01-01T00:00:00.000Z',
    read_seq: 4,
    list: [{ type: 'b', more: 'y' }],
    by_chat: { chat_01kahq2c6tq9m3d5e7g8h0j1km: [2, 3] },
  };
  expect(differences(documented, real)).toEqual([]);
});

it.each<[string, Record<string, unknown>, string]>([
  ['another tag', { t: 'typing' }, '$.t: documented as receipt, came as typing'],
  ['another type', { read_seq: '3' }, '$.read_seq: documented as number, came as text'],
  [
    'another kind of id',
    { user_id: 'chat_01kahq2c6tq9m3d5e7g8h0j1kn' },
    '$.user_id: documented as usr id, came as chat id',
  ],
  ['a time that is none', { at: '2026-11-21' }, '$.at: documented as time, came as text'],
  ['a value for null', { note: 'x' }, '$.note: documented as null, came as text'],
  ['one key more', { extra: 1 }, '$.extra: is not documented'],
  ['an entry like none of a list', { list: [{ type: 'c' }] }, '$.list[0].type: documented as a, came as c'],
  ['an empty list', { list: [] }, '$.list: 2 documented, 0 came'],
  [
    'another entry by id',
    { by_chat: { chat_01kahq2c6tq9m3d5e7g8h0j1kn: ['x'] } },
    '$.by_chat.chat id[0]: documented as number, came as text',
  ],
])('differs by %s', (_, change, line) => {
  expect(differences(documented, { ...documented, ...change })).toEqual([line]);
});

it('differs by a key less', () => {
  const { note: _, ...real } = documented;
  expect(differences(documented, real)).toEqual(['$.note: did not come']);
});
