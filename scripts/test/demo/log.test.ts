import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { foldNick, parseLog, parseReplies } from '../../demo/log.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string) => parseLog(bytes(text));
const first = (text: string) => parse(text).lines[0];
const problem = (text: string) => {
  const { lines, problems } = parse(text);
  expect(lines).toEqual([]);
  return problems[0]?.what;
};

describe('lines of a log', () => {
  it('a message, its text kept as it is', () => {
    expect(first('[04:14] <Gobbert> ziggi: what?')).toEqual({
      line: 0,
      nick: 'Gobbert',
      kind: 'message',
      text: 'ziggi: what?',
    });
    expect(first('[00:00] <a>   three, then two  ')).toMatchObject({ text: '  three, then two  ' });
    expect(first('[23:59] <a> tab\t "quotes" \\ \u0002\b 大家好 🌊 e\u0301')).toMatchObject({
      text: 'tab\t "quotes" \\ \u0002\b 大家好 🌊 e\u0301',
    });
    expect(first('[23:59] <a> [04:14] <b> quoted')).toMatchObject({ nick: 'a', text: '[04:14] <b> quoted' });
    expect(first('[23:59] <a>  ')).toMatchObject({ text: ' ' });
  });

  it('nicks of every kind', () => {
    for (const nick of ['|trey|', '[gus]', 'a`b^{}', '__proto__', 'constructor', 'Émile', '1001', 'a'.repeat(64)]) {
      expect(first(`[00:00] <${nick}> x`)).toMatchObject({ nick });
    }
  });

  it('an action, in its new form and in the old one', () => {
    expect(first('[10:25]  * Ben64 shrugs')).toEqual({
      line: 0,
      nick: 'Ben64',
      kind: 'message',
      text: '* Ben64 shrugs',
    });
    expect(first('=== Matt| scrolls up  ')).toMatchObject({ nick: 'Matt|', text: '* Matt| scrolls up  ' });
  });

  it('a join, a leave, a new nick', () => {
    expect(first('=== q2 [~q2@dhcp024.rr.com]  has joined #ubuntu')).toEqual({ line: 0, nick: 'q2', kind: 'join' });
    expect(first('=== q2 has joined #Ubuntu')).toMatchObject({ kind: 'join' });
    expect(first('=== topyli [~juha@x]  has left #ubuntu []')).toEqual({ line: 0, nick: 'topyli', kind: 'leave' });
    expect(first('=== DAC [~d@x]  has left #ubuntu [""Buy.]')).toMatchObject({ nick: 'DAC', kind: 'leave' });
    expect(first('=== DAC [~d@x] has quit [Ping timeout]')).toMatchObject({ kind: 'leave' });
    expect(first('=== cy is now known as Guest67148')).toEqual({
      line: 0,
      nick: 'cy',
      kind: 'rename',
      to: 'Guest67148',
    });
  });

  it('counts from 0, over what it cannot read; a last line needs no end', () => {
    const { lines, count } = parse('nonsense\n\n[00:00] <a> x\r\n[00:01] <b> y');
    expect(lines).toMatchObject([
      { line: 2, text: 'x' },
      { line: 3, text: 'y' },
    ]);
    expect(count).toBe(4);
    expect(parse('')).toEqual({ lines: [], problems: [], count: 0 });
    expect(parse('[00:00] <a> x\n').count).toBe(1);
    expect(parse('[00:00] <a> \u2028 stays in its line').lines).toHaveLength(1);
  });

  it('reads no further than it is told', () => {
    const log = bytes('[00:00] <a> x\n'.repeat(10));
    expect(parseLog(log, 3)).toMatchObject({ lines: { length: 3 }, count: 3 });
  });
});

describe('lines that cannot be used are reported', () => {
  it('without text', () => {
    expect(problem('[00:00] <a>')).toBe('there is no text');
    expect(problem('[00:00] <a> ')).toBe('there is no text');
    expect(problem('[07:09]  * homejoe ')).toBe('there is no text');
    expect(problem('')).toBeUndefined();
    expect(problem('\n')).toBe('the line is empty');
  });

  it('without a form', () => {
    for (const line of [
      'x',
      '[24:00] <a> x',
      '[00:60] <a> x',
      '[0:00] <a> x',
      '[00:00] a: x',
      '[00:00]<a> x',
      ' [00:00] <a> x',
      '===',
      '=== ',
      '=== a',
      '=== mode/#ubuntu [+o a] by b',
      '=== a\u0000b is now known as',
    ]) {
      expect(problem(line), line).toBe('the line has no form that is known');
    }
  });

  it('without a nick that a user can have', () => {
    for (const nick of ['', ' ', 'a b', 'a\u0000', '\u0085x', 'a'.repeat(65)]) {
      expect(problem(`[00:00] <${nick}> x`), JSON.stringify(nick)).toMatch(/nick/);
    }
    expect(problem(`=== a is now known as ${'b'.repeat(65)}`)).toMatch(/nick/);
  });

  it('with more text than a message takes', () => {
    expect(first(`[00:00] <a> ${'x'.repeat(LIMITS.contentBytes)}`)).toMatchObject({ kind: 'message' });
    expect(problem(`[00:00] <a> ${'x'.repeat(LIMITS.contentBytes + 1)}`)).toMatch(/has 32769 bytes/);
    expect(problem(`[00:00] <a> ${'é'.repeat(LIMITS.contentBytes / 2 + 1)}`)).toMatch(/has 32770 bytes/);
    // Fits as text, but not as JSON in a frame.
    expect(problem(`[00:00] <a> ${'\u0001'.repeat(LIMITS.contentBytes - 1)}`)).toMatch(/as JSON/);
  });
});

describe('bytes', () => {
  const line = (...text: number[]): Uint8Array => new Uint8Array([...bytes('[00:00] <a> '), ...text, 0x0a]);

  it('that are no UTF-8 are read as Latin-1, and reported', () => {
    expect(parseLog(line(0x47, 0x72, 0xfc, 0xdf, 0x65))).toEqual({
      lines: [{ line: 0, nick: 'a', kind: 'message', text: 'Grüße' }],
      problems: [{ line: 0, what: 'not UTF-8: read as Latin-1', skipped: false }],
      count: 1,
    });
    // A surrogate, an overlong form, a cut-off character: none of them is UTF-8.
    for (const foreign of [
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf],
      [0xe2, 0x82],
    ]) {
      expect(parseLog(line(...foreign)).problems).toMatchObject([{ skipped: false }]);
    }
  });

  it('one foreign line does not change how its neighbours are read', () => {
    const log = new Uint8Array([...line(0xfc), ...bytes('[00:00] <b> ü\n')]);
    expect(parseLog(log).lines).toMatchObject([{ text: 'ü' }, { text: 'ü' }]);
    expect(parseLog(log).problems).toHaveLength(1);
  });

  it('a mark at the beginning is no part of the first line', () => {
    expect(parse('\ufeff[00:00] <a> x').lines).toMatchObject([{ text: 'x' }]);
    expect(parse('[00:00] <a> \ufeffx').lines).toMatchObject([{ text: '\ufeffx' }]);
  });

  it('whatever they are, every line is used or reported, and its text is well-formed', () => {
    const fragment = fc.constantFrom(
      ...['[00:00] ', '<a> ', '<', '> ', '=== ', ' has joined #x', ' is now known as ', ' * ', '\n', '\r', '\u0000'],
    );
    const piece = fc.oneof(fragment.map(bytes), fc.uint8Array({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const log = new Uint8Array(pieces.flatMap((part) => [...part]));
        const { lines, problems, count } = parseLog(log);
        const skipped = problems.filter((entry) => entry.skipped).map((entry) => entry.line);
        const used = lines.map((entry) => entry.line);
        expect([...used, ...skipped].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
        for (const entry of lines) {
          expect(entry.nick).toMatch(/^\S{1,64}$/);
          if (entry.kind === 'message') expect(entry.text.length > 0 && entry.text.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a hostile line costs no more than its length', () => {
    const began = performance.now();
    parse(`=== ${'a'.repeat(100_000)} ${'['.repeat(100_000)}${'] '.repeat(100_000)} has joined`);
    parse(`=== a ${'[] '.repeat(100_000)}`);
    parse(`=== a ${' '.repeat(200_000)}x`);
    parse(`[00:00] <${'a'.repeat(200_000)}`);
    parse(`[00:00] ${'* '.repeat(100_000)}`);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('reply links', () => {
  it('by the line that answers', () => {
    const { replies, problems } = parseReplies(bytes('999 1000 - \n1001 1002 -\n1000 1002 -\n1003 1003 - \r\n'));
    expect([...replies]).toEqual([
      [1000, [999]],
      [1002, [1000, 1001]],
    ]);
    expect(problems).toEqual([]);
  });

  it('that are none are reported', () => {
    const { replies, problems } = parseReplies(bytes('a b -\n5 4 -\n-1 3 -\n99999999999 1 -\n\u0000\n1 2 - 3'));
    expect(replies.size).toBe(0);
    expect(problems.map((entry) => entry.line)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(problems[1]?.what).toBe('line 4 would answer the later line 5');
  });
});

it('nicks are compared as IRC does', () => {
  expect(foldNick('Foo[a]\\~')).toBe(foldNick('fOO{A}|^'));
  expect(foldNick('a')).not.toBe(foldNick('a_'));
});
