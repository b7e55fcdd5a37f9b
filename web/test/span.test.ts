import { LIMITS } from '@tideline/sdk';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../src/messages/span.ts';

describe('a selected piece of a message', () => {
  it('is where it stands in the text', () => {
    expect(spanOf('high water at six', ' water ')).toEqual({ offset: 5, length: 5 });
  });
  it('that is no part of the text is none', () => {
    for (const selected of ['', '   ', 'low']) expect(spanOf('high water', selected)).toBeUndefined();
  });
  it('is no longer than a quote may be, and not cut inside of a character', () => {
    const content = `${'a'.repeat(LIMITS.quoteLength - 1)}🌊🌊`;
    expect(spanOf(content, content)).toEqual({ offset: 0, length: LIMITS.quoteLength - 1 });
    expect(spanOf('a'.repeat(999), 'a'.repeat(999))).toEqual({ offset: 0, length: LIMITS.quoteLength });
  });
});
