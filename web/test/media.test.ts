import { describe, expect, it } from 'vitest';
import { answerOf, pieceOf } from '../sw/media.ts';

const PIECE = 2 * 1024 * 1024;
const film = (bytes: number, size: number, type = 'video/mp4') => ({
  content: new Blob(['x'.repeat(bytes)]),
  size,
  type,
});

describe('what a player asks for', () => {
  it('is answered in pieces', () => {
    expect(pieceOf('bytes=0-')).toEqual({ from: 0, before: PIECE });
    expect(pieceOf(null)).toEqual({ from: 0, before: PIECE });
    expect(pieceOf('bytes=5000000-')).toEqual({ from: 5_000_000, before: 5_000_000 + PIECE });
    expect(pieceOf('bytes=10-19')).toEqual({ from: 10, before: 20 });
    expect(pieceOf(`bytes=0-${PIECE * 2}`)).toEqual({ from: 0, before: PIECE });
  });

  it.each(['bytes=-500', 'bytes=9-3', 'bytes=0-1,4-5', 'pages=1-2', 'bytes=a-b'])('%s is nothing of it', (range) => {
    expect(pieceOf(range)).toBeUndefined();
  });
});

describe('a piece of a film', () => {
  it('says where it stands in the whole', async () => {
    const response = answerOf(10, film(20, 100));
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe('bytes 10-29/100');
    expect(response.headers.get('content-length')).toBe('20');
    expect(response.headers.get('content-type')).toBe('video/mp4');
    expect((await response.arrayBuffer()).byteLength).toBe(20);
  });

  it('behind the end is none', () => {
    const response = answerOf(100, film(0, 100));
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */100');
    expect(answerOf(90, film(20, 100)).status).toBe(416);
  });

  it('that the server does not give, or that is no film, is not there', () => {
    expect(answerOf(0, null).status).toBe(404);
    for (const type of ['text/html', 'image/svg+xml', 'video/mp4; x=y', 'application/video/mp4']) {
      expect([type, answerOf(0, film(1, 1, type)).status]).toEqual([type, 404]);
    }
  });
});
