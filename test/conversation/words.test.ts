import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ftsMatch, highlights, indexed, parseQuery, snippet } from '../../src/conversation/words.ts';

const marked = (text: string, query: string): string[] =>
  highlights(text, parseQuery(query)).map(([start, end]) => text.slice(start, end));

describe('how text is cut', () => {
  it.each([
    ['Hello, World! It is 2026', 'hello world it is 2026'],
    ['ÉCOLE Ａｂｃ Straße naïve', 'ecole abc straße naive'],
    ['snake_case kebab-case', 'snake case kebab case'],
    ['你好世界', '你好 好世 世界 界'],
    ['好', '好'],
    ['iPhone手机壳', 'iphone 手机 机壳 壳'],
    ['カタカナ ひらがな', 'カタ タカ カナ ナ ひら らが がな な'],
    ['안녕하세요', '안녕 녕하 하세 세요 요'],
    // Decomposed, as macOS writes file names.
    ['안녕'.normalize('NFD'), '안녕 녕'],
    ['สวัสดี', ['สว', 'วั', 'ัส', 'สด', 'ดี', 'ี'].join(' ')],
    ['𠮷野家', '𠮷野 野家 家'],
    ['…!?\u200b\u0000', ''],
  ])('%j becomes %j', (text, words) => {
    expect(indexed(text)).toBe(words);
  });

  it('a word of any length is cut to one that the index takes', () => {
    expect(indexed('x'.repeat(1000))).toBe('x'.repeat(64));
  });
});

describe('what a query asks for', () => {
  it.each([
    ['hello world', '("hello" AND "world")'],
    ['"hello world"', '("hello world")'],
    ['hel*', '("hel"*)'],
    ['one -two -"three four"', '(("one") NOT ("two" OR "three four"))'],
    ['你', '("你"*)'],
    ['你好世', '("你好 好世")'],
    ['手机iphone', '("手机 机 iphone")'],
    ['"iphone 手"', '("iphone 手"*)'],
    ['AND OR NOT NEAR', '("and" AND "or" AND "not" AND "near")'],
  ])('%j is %j', (text, match) => {
    expect(ftsMatch(parseQuery(text))).toBe(match);
  });

  it.each(['', '   ', '!!!', '-not', '"', '***', '""'])('%j asks for no word', (text) => {
    expect(ftsMatch(parseQuery(text))).toBeUndefined();
  });

  it('nothing in a query reaches the language of the index', () => {
    for (const text of ['⺀', '好⺀好', '½', '⑴', '⒈']) {
      expect(ftsMatch(parseQuery(text)) ?? '()', text).toMatch(/^[\p{L}\p{N}\p{M}"*() ]*$/u);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        expect(ftsMatch(parseQuery(text)) ?? '()').toMatch(/^[\p{L}\p{N}\p{M}"*() ]*$/u);
      }),
    );
  });
});

describe('what is marked', () => {
  it.each([
    ['The Cat sat', 'cat', ['Cat']],
    ['category cat', 'cat', ['cat']],
    ['category cat', 'cat*', ['category', 'cat']],
    ['one two, two one', '"two one"', ['two one']],
    ['我们你好世界', '你好', ['你好']],
    ['好好好', '好好', ['好好好']],
    ['你 好', '你好', []],
    ['买iPhone手机', 'iphone', ['iPhone']],
    ['Café', 'cafe', ['Café']],
  ])('in %j for %j: %j', (text, query, places) => {
    expect(marked(text, query)).toEqual(places);
  });

  it('places are in order, apart, and inside the snippet, which is cut between characters', () => {
    const word = fc.constantFrom('cat', 'dog', '世界', '好', '👍🏽', 'naïve', ' ', 'x'.repeat(90));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), fc.constantFrom('cat', '界', '好*', 'dog cat'), (words, q) => {
        const text = words.join(' ');
        const found = snippet(text, parseQuery(q));
        expect(text).toContain(found.snippet);
        expect(found.snippet.isWellFormed()).toBe(true);
        let last = -1;
        for (const [start, end] of found.highlights) {
          expect(start).toBeGreaterThan(last);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(found.snippet.length);
          last = end;
        }
      }),
    );
  });
});
