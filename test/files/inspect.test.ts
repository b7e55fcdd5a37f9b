import { describe, expect, it } from 'vitest';
import { isInline, natureOf } from '../../src/files/inspect.ts';

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? Array.from(part, (c) => c.charCodeAt(0)) : part)),
  );

/** What a browser's recorder begins with: EBML, then a segment whose tracks are named by their codecs. */
const webm = (...codecs: string[]): Uint8Array =>
  bytes(
    [0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84],
    'webm',
    [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...codecs.map((codec) => bytes([0x86, 0x80 + codec.length], codec)).map((part) => [...part]),
  );

const box = (type: string, ...parts: Uint8Array[]): Uint8Array => {
  const inside = parts.flatMap((part) => [...part]);
  const size = inside.length + 8;
  return bytes([0, 0, size >> 8, size & 0xff], type, inside);
};
const handler = (kind: string): Uint8Array => box('hdlr', bytes([0, 0, 0, 0, 0, 0, 0, 0], kind, [0, 0, 0, 0]));
const mp4 = (...kinds: string[]): Uint8Array =>
  bytes([
    ...box('ftyp', bytes('isom', [0, 0, 2, 0], 'isomiso2mp41')),
    ...box('moov', ...kinds.map((kind) => box('trak', box('mdia', handler(kind))))),
  ]);

describe('the type of a container', () => {
  it.each([
    ['webm', 'a voice alone', webm('A_OPUS'), 'audio/webm'],
    ['webm', 'a film with sound', webm('V_VP9', 'A_OPUS'), 'video/webm'],
    ['webm', 'a film', webm('V_VP8'), 'video/webm'],
    ['mp4', 'a voice alone', mp4('soun'), 'audio/mp4'],
    ['mp4', 'a film with sound', mp4('vide', 'soun'), 'video/mp4'],
    ['mp4', 'tracks that are not in its first bytes', mp4(), 'video/mp4'],
  ])('%s of %s', async (_, __, head, type) => {
    const nature = await natureOf(head);
    expect(nature.media_type).toBe(type);
    expect(isInline(nature)).toBe(true);
  });
});
