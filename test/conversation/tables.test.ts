import { expect, it } from 'vitest';
import { type Action, may, PERMISSIONS } from '../../src/conversation/permissions.ts';
import {
  HUGE_NOTICE_RATE,
  IDLE_NOTICE_RATE,
  receiptPause,
  sendPause,
  TIER_LIMITS,
  tierOf,
} from '../../src/conversation/tiers.ts';
import { ChatType, Role } from '../../src/protocol/chats.ts';
import { unread } from '../../src/protocol/unread.ts';

const ACTIONS = Object.keys(PERMISSIONS.Group) as Action[];

it('in a Single two people write to each other, and it stays as it is', () => {
  for (const role of Role.options) {
    expect(ACTIONS.filter((action) => may('Single', role, action))).toEqual([
      'send',
      'edit',
      'react',
      'pin',
      'export',
      'retain',
    ]);
  }
});

it.each(ChatType.options.filter((type) => type !== 'Single'))('in a %s an owner may do everything', (type) => {
  expect(ACTIONS.filter((action) => may(type, 'owner', action))).toEqual(ACTIONS);
});

it.each(ChatType.options)('in a %s nobody may do less than somebody of a lower role', (type) => {
  for (const [index, role] of Role.options.entries()) {
    const allowed = ACTIONS.filter((action) => may(type, role, action));
    for (const lower of Role.options.slice(index)) {
      expect(allowed).toEqual(expect.arrayContaining(ACTIONS.filter((action) => may(type, lower, action))));
    }
  }
});

it.each(ChatType.options.filter((type) => type !== 'Single'))(
  'in a %s a member may write, add and leave, and neither change, delete nor remove',
  (type) => {
    const allowed = ACTIONS.filter((action) => may(type, 'member', action));
    expect(allowed).toEqual(expect.arrayContaining(['send', 'react', 'add', 'leave']));
    for (const action of ['update', 'delete', 'remove', 'recall_any']) expect(allowed).not.toContain(action);
  },
);

it.each([
  [0, 'small'],
  [TIER_LIMITS.small, 'small'],
  [TIER_LIMITS.small + 1, 'large'],
  [TIER_LIMITS.large, 'large'],
  [TIER_LIMITS.large + 1, 'huge'],
] as const)('a room of %i members is %s', (members, tier) => {
  expect(tierOf(members)).toBe(tier);
});

it('pauses grow with the room and stay within their bounds', () => {
  const bounds = [
    [sendPause, 1, 25],
    [receiptPause, 100, 1000],
  ] as const;
  for (const [pause, least, most] of bounds) {
    const pauses = [0, 1, 2, 10, 50, 100, 500, 1000, 100_000].map(pause);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect([pauses.at(0), pauses.at(-1)]).toEqual([least, most]);
  }
  expect(HUGE_NOTICE_RATE.every).toBeLessThan(IDLE_NOTICE_RATE.every);
});

it('unread is what is in the log less what is read, and never negative', () => {
  expect(unread(10, 4)).toBe(6);
  expect(unread(4, 4)).toBe(0);
  // A read mark may come to an inbox before the message that it is at.
  expect(unread(4, 5)).toBe(0);
});
