import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accept,
  block,
  contactOf,
  decline,
  describe as name,
  type Pair,
  request,
  STRANGER,
  type Step,
  unblock,
  unfriend,
} from '../../src/friends/rules.ts';
import { Contact } from '../../src/protocol/friends.ts';
import { codeOf, newUser } from '../support/objects.ts';

const NOW = 1_000;
const strangers: Pair = { mine: STRANGER, theirs: STRANGER };
const swap = ({ mine, theirs }: Pair): Pair => ({ mine: theirs, theirs: mine });
const ask = (text = 'hello', policy: 'anyone' | 'approval' | 'nobody' = 'approval') =>
  request({ text, source: null }, policy, NOW);
/** Takes steps in turn, each by me or by them; refusals change nothing. */
const pairAfter = (...steps: ['me' | 'them', Step][]): Pair =>
  steps.reduce((pair, [who, step]) => {
    const result = step(who === 'me' ? pair : swap(pair));
    if (!result.ok) return pair;
    return who === 'me' ? result.value : swap(result.value);
  }, strangers);
const states = ({ mine, theirs }: Pair) => [mine.state, theirs.state];

describe('a request', () => {
  it('waits for an answer, is answered once for both, and can be taken back', () => {
    expect(states(pairAfter(['me', ask()]))).toEqual(['sent', 'received']);
    expect(states(pairAfter(['me', ask()], ['them', accept(NOW)]))).toEqual(['friend', 'friend']);
    expect(states(pairAfter(['me', ask()], ['them', decline]))).toEqual(['none', 'none']);
    expect(states(pairAfter(['me', ask()], ['me', decline]))).toEqual(['none', 'none']);
    expect(states(pairAfter(['me', ask()], ['me', accept(NOW)]))).toEqual(['sent', 'received']);
  });

  it('of both makes them friends; of one whom they take without asking, too', () => {
    expect(states(pairAfter(['me', ask()], ['them', ask()]))).toEqual(['friend', 'friend']);
    expect(states(pairAfter(['me', ask('hi', 'anyone')]))).toEqual(['friend', 'friend']);
  });

  it('sent again changes nothing, or has the new text on both sides and its first time', () => {
    const first = pairAfter(['me', ask()]);
    const again = ask()(first);
    expect(again.ok && again.value).toBe(first);
    const other = request({ text: 'me again', source: 'search' }, 'approval', NOW + 5)(first);
    expect(other).toMatchObject({
      value: { mine: { text: 'me again', since: NOW }, theirs: { text: 'me again', source: 'search', since: NOW } },
    });
  });

  it('to somebody who takes none, or who has blocked the user, is refused in the same words', () => {
    const nobody = ask('hi', 'nobody')(strangers);
    const blocked = ask('hi', 'anyone')(pairAfter(['them', block(NOW)]));
    expect(codeOf(nobody)).toBe('forbidden');
    expect(blocked).toEqual(nobody);
  });

  it('that stands goes on standing for who is blocked meanwhile, and reaches nobody', () => {
    const blocked = pairAfter(['me', ask()], ['them', block(NOW)]);
    expect(states(blocked)).toEqual(['sent', 'none']);
    expect(ask()(blocked)).toEqual({ ok: true, value: blocked });
    expect(states(pairAfter(['me', ask()], ['them', block(NOW)], ['me', ask('again')]))).toEqual(['sent', 'none']);
    expect(states(pairAfter(['me', ask()], ['them', block(NOW)], ['them', unblock], ['me', ask()]))).toEqual([
      'sent',
      'received',
    ]);
  });

  it('by somebody who blocks the other needs them unblocked', () => {
    expect(codeOf(ask()(pairAfter(['me', block(NOW)])))).toBe('conflict');
  });
});

describe('a block', () => {
  it('leaves a friendship and what the other side sees of it', () => {
    const friends = pairAfter(['me', ask()], ['them', ask()]);
    const blocked = pairAfter(['me', ask()], ['them', ask()], ['me', block(NOW)]);
    expect(blocked.theirs).toEqual(friends.theirs);
    expect(blocked.mine).toMatchObject({ state: 'friend', blocked_at: NOW });
  });

  it('outlives the end of the friendship, whoever ends it', () => {
    for (const who of ['me', 'them'] as const) {
      const pair = pairAfter(['me', ask()], ['them', ask()], ['me', block(NOW)], [who, unfriend]);
      expect(pair).toEqual({ mine: { ...STRANGER, blocked_at: NOW }, theirs: STRANGER });
    }
  });
});

it('a name and groups are of friends, and go with the friendship', () => {
  const named = name({ remark: 'Ann', group_ids: ['g'] });
  expect(codeOf(named(strangers))).toBe('not_found');
  const friends: ['me' | 'them', Step][] = [
    ['me', ask()],
    ['them', ask()],
    ['me', named],
  ];
  expect(pairAfter(...friends).mine).toMatchObject({ remark: 'Ann', group_ids: ['g'] });
  expect(pairAfter(...friends, ['me', name({ remark: null })]).mine).toMatchObject({ remark: null, group_ids: ['g'] });
  expect(pairAfter(...friends, ['them', unfriend]).mine).toEqual(STRANGER);
});

it('whatever two people do, they are friends together or not at all, and no request waits for nobody', () => {
  const step = fc.oneof(
    fc
      .record({ text: fc.constantFrom('a', 'b'), policy: fc.constantFrom('anyone', 'approval', 'nobody') })
      .map((r) => ask(r.text, r.policy)),
    fc.constantFrom<Step>(accept(NOW), decline, unfriend, block(NOW), unblock, name({ remark: 'x' })),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('me' as const, 'them' as const), step), { maxLength: 30 }),
      (steps) => {
        const pair = pairAfter(...steps);
        for (const { mine, theirs } of [pair, swap(pair)]) {
          if (mine.state === 'friend') expect(theirs.state).toBe('friend');
          if (mine.state === 'received') expect(theirs.state).toBe('sent');
          // Only a block hides a request from the one who was asked.
          if (mine.state === 'sent') expect(theirs.state === 'received' || theirs.state === 'none').toBe(true);
          if (mine.remark !== null) expect(mine.state).toBe('friend');
          const contact = contactOf(newUser(), mine);
          if (contact !== null) Contact.parse(contact);
          expect(contact === null).toBe(mine.state === 'none' && mine.blocked_at === null);
        }
      },
    ),
    { numRuns: 500 },
  );
});
