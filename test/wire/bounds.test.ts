import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Length } from '../../src/protocol/common.ts';
import { fits, groupsWithin, jsonSize, rowsWithin } from '../../src/wire/bounds.ts';

const sizes = fc.array(fc.nat(40), { maxLength: 30 });

describe('the rows of a page', () => {
  it('are all of them over the pages, each within its bounds or of one row', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 10 }), fc.nat(100), (all, limit, bytes) => {
        const got: number[] = [];
        for (let more = true; more; ) {
          const page = rowsWithin(all.slice(got.length, got.length + limit + 1), { limit, bytes }, (size) => size);
          expect(page.rows.length).toBeLessThanOrEqual(limit);
          expect(page.size).toBe(page.rows.reduce((sum, size) => sum + size, 0));
          if (page.rows.length > 1) expect(page.size).toBeLessThanOrEqual(bytes);
          got.push(...page.rows);
          more = page.more;
          expect(more).toBe(got.length < all.length);
          if (more) expect(page.rows.length).toBeGreaterThan(0);
        }
        expect(got).toEqual(all);
      }),
    );
  });

  it('are read no further than the first that does not fit', () => {
    let read = 0;
    const rows = (function* () {
      for (;;) {
        read += 1;
        yield read;
      }
    })();
    expect(rowsWithin(rows, { limit: 100, bytes: 25 }, () => 10)).toEqual({ rows: [1, 2], more: true, size: 20 });
    expect(read).toBe(3);
  });
});

it('groups of texts keep all of them in order, each group within its bytes or of one text', () => {
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 30 });
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 80 }), (all, bytes) => {
      const groups = groupsWithin(all, bytes);
      expect(groups.flat()).toEqual(all);
      for (const group of groups) {
        expect(group.length).toBeGreaterThan(0);
        if (group.length > 1) expect(utf8Length(`${group.join(',')},`)).toBeLessThanOrEqual(bytes);
      }
      expect(fits(all, bytes)).toBe(utf8Length(all.join('')) <= bytes);
    }),
  );
});

it('a text as JSON is measured with its escapes, in bytes of UTF-8', () => {
  expect(jsonSize('a')).toBe(3);
  expect(jsonSize('世"\u0001')).toBe(2 + 3 + 2 + 6);
  expect(jsonSize(null)).toBe(4);
});
