import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/files/ranges.ts';

const ETAG = '"abc"';
const of = (range: string, size = 10) => plan({ range }, ETAG, size);

describe('a range', () => {
  it.each([
    ['bytes=0-4', { status: 206, offset: 0, length: 5 }],
    ['bytes=5-', { status: 206, offset: 5, length: 5 }],
    ['bytes=-3', { status: 206, offset: 7, length: 3 }],
    ['bytes=-30', { status: 206, offset: 0, length: 10 }],
    ['bytes=9-99', { status: 206, offset: 9, length: 1 }],
    ['bytes=10-', { status: 416 }],
    ['bytes=10-12', { status: 416 }],
    ['bytes=-0', { status: 416 }],
    // Not a range that we serve, or none at all: the whole.
    ['bytes=4-1', { status: 200 }],
    ['bytes=0-1,3-4', { status: 200 }],
    ['bytes=-', { status: 200 }],
    ['lines=0-1', { status: 200 }],
    ['bytes=a-b', { status: 200 }],
  ])('%s of ten bytes', (range, planned) => {
    expect(of(range)).toEqual(planned);
  });

  it('is never outside of the content', () => {
    fc.assert(
      fc.property(
        fc.option(fc.nat(100), { nil: undefined }),
        fc.option(fc.nat(100), { nil: undefined }),
        fc.integer({ min: 1, max: 60 }),
        (first, last, size) => {
          const planned = of(`bytes=${first ?? ''}-${last ?? ''}`, size);
          if (planned.status !== 206) return;
          expect(planned.length).toBeGreaterThan(0);
          expect(planned.offset).toBeGreaterThanOrEqual(0);
          expect(planned.offset + planned.length).toBeLessThanOrEqual(size);
          if (first !== undefined) expect(planned.offset).toBe(first);
        },
      ),
    );
  });
});

describe('a condition', () => {
  it.each([
    [{ ifNoneMatch: ETAG }, 304],
    [{ ifNoneMatch: `W/${ETAG}` }, 304],
    [{ ifNoneMatch: `"x", ${ETAG}` }, 304],
    [{ ifNoneMatch: '*' }, 304],
    [{ ifNoneMatch: '"x"' }, 200],
    [{ ifMatch: ETAG }, 200],
    [{ ifMatch: '*' }, 200],
    [{ ifMatch: '"x"' }, 412],
    [{ ifMatch: `W/${ETAG}` }, 412],
    [{ range: 'bytes=0-1', ifRange: ETAG }, 206],
    [{ range: 'bytes=0-1', ifRange: `W/${ETAG}` }, 200],
    [{ range: 'bytes=0-1', ifRange: '"x"' }, 200],
    [{ range: 'bytes=0-1', ifNoneMatch: ETAG }, 304],
  ])('%o', (conditions, status) => {
    expect(plan(conditions, ETAG, 10).status).toBe(status);
  });
});
