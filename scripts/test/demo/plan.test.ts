import { describe, expect, it } from 'vitest';
import { inventedLog } from '../../demo/invented.ts';
import { parseLog, parseReplies } from '../../demo/log.ts';
import { type Plan, planOf } from '../../demo/plan.ts';

const plan = (lines: string[], replies: [number, number[]][] = []): Plan =>
  planOf(parseLog(new TextEncoder().encode(lines.join('\n'))).lines, new Map(replies));
const script = ({ people, steps }: Plan): string[] =>
  steps.map((step) => `${people[step.person]?.nick} ${step.kind}${'answers' in step ? ` to ${step.answers}` : ''}`);

describe('people', () => {
  it('who speak are there from the start, who join are not', () => {
    const { people } = plan(['[00:00] <a> x', '=== b has joined #x', '[00:01] <b> y', '=== c has left #x']);
    expect(people.map(({ nick, founder }) => [nick, founder])).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
    ]);
  });

  it('are one user under all of their nicks', () => {
    const { people, steps } = plan([
      '[00:00] <a> x',
      '=== a is now known as b',
      '[00:01] <B> y',
      '=== B is now known as c',
      '[00:02] <c> z',
    ]);
    expect(people).toEqual([{ nick: 'a', lastNick: 'c', founder: true }]);
    expect(steps.map((step) => step.person)).toEqual([0, 0, 0, 0, 0]);
  });

  it('who take a nick that somebody still has are that person', () => {
    const { people } = plan(['[00:00] <ada> x', '[00:01] <ada_> y', '=== ada_ is now known as ada', '[00:02] <ada> z']);
    expect(people).toEqual([{ nick: 'ada', lastNick: 'ada', founder: true }]);
  });

  it('who take a nick that was given up are others', () => {
    const { people } = plan([
      '=== a is now known as away',
      '=== away is now known as a',
      '=== b is now known as away',
      '[00:00] <away> x',
      '[00:00] <a> y',
    ]);
    expect(people.map(({ nick, lastNick }) => [nick, lastNick])).toEqual([
      ['a', 'a'],
      ['b', 'away'],
    ]);
  });

  it('who come back under a nick that they gave up are the same', () => {
    const { people } = plan(['=== uri is now known as uri247', '[00:00] <uri> x', '=== uri is now known as uri247']);
    expect(people).toHaveLength(1);
  });

  it('survive a ring of new nicks', () => {
    const { people } = plan([
      '[00:00] <a> x',
      '[00:00] <b> x',
      '=== a is now known as b',
      '=== b is now known as a',
      '=== a is now known as a',
    ]);
    expect(people).toHaveLength(1);
  });

  it('have names that are no properties of an object by accident', () => {
    const { people } = plan(['[00:00] <__proto__> x', '[00:00] <constructor> y', '[00:00] <toString> z']);
    expect(people.map(({ nick }) => nick)).toEqual(['__proto__', 'constructor', 'toString']);
  });
});

describe('steps', () => {
  it('a join while there is a leave that the log does not show', () => {
    const made = plan(['[00:00] <a> x', '=== a has joined #x']);
    expect(script(made)).toEqual(['a message', 'a leave', 'a join']);
    expect(made.impliedLeaves).toBe(1);
  });

  it('speaking while not there is a join that the log does not show', () => {
    const made = plan(['[00:00] <a> x', '=== a has left #x', '[00:01] <a> y']);
    expect(script(made)).toEqual(['a message', 'a leave', 'a join', 'a message']);
    expect(made.impliedJoins).toBe(1);
  });

  it('a leave while not there is reported', () => {
    const made = plan(['=== a has left #x', '=== a has left #x']);
    expect(script(made)).toEqual(['a leave']);
    expect(made.problems).toEqual([{ line: 1, what: 'a leaves and is not there', skipped: true }]);
  });

  it('a message answers the latest one that its sender saw', () => {
    const made = plan(['[00:00] <a> 0', '[00:00] <b> 1', '[00:00] <a> 2'], [[2, [0, 1]]]);
    expect(script(made)).toEqual(['a message', 'b message', 'a message to 1']);
    expect(made.spareLinks).toBe(1);
  });

  it('links to what was not said, or not seen, are left out and reported', () => {
    const made = plan(
      ['=== c has left #x', '[00:00] <a> 1', '=== b has joined #x', '[00:00] <b> 3', 'nonsense', '[00:00] <a> 5'],
      [
        [1, [0]],
        [3, [1]],
        [5, [4]],
      ],
    );
    expect(made.steps.filter((step) => 'answers' in step)).toEqual([]);
    expect(made.problems.map(({ line, what }) => `${line}: ${what}`)).toEqual([
      '1: sent without its link: line 0 is no message',
      '3: sent without its link: line 1 was said before its sender came',
      '5: sent without its link: line 4 is no message',
    ]);
  });
});

it('the log that is made up has everything', () => {
  const { log, replies } = inventedLog();
  expect(inventedLog().log).toEqual(log);
  const parsed = parseLog(log);
  const made = planOf(parsed.lines, parseReplies(replies).replies);
  const kinds = new Set(made.steps.map((step) => step.kind));
  expect(kinds).toEqual(new Set(['message', 'join', 'leave', 'rename']));
  expect(made.steps.filter((step) => 'answers' in step).length).toBeGreaterThan(50);
  expect(parsed.problems.filter((problem) => problem.skipped).length).toBeGreaterThan(5);
  expect(parsed.problems.some((problem) => !problem.skipped)).toBe(true);
  expect(made.people.length).toBeGreaterThan(32);
});
