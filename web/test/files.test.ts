import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOfMessage } from '../src/files/kind.ts';
import { cleaned } from '../src/files/metadata.ts';
import { base64url, fitted, loudness } from '../src/files/prepare.ts';

type Part = string | number[] | Uint8Array;
const bytes = (...parts: Part[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : [...part])));
const has = (content: unknown, text: string): boolean =>
  content instanceof Uint8Array && Buffer.from(content).includes(text);

/** Exif with an orientation, and a place. */
const exif = (orientation: number) =>
  bytes(
    'II',
    [42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0],
    '52.3676N 4.9041E',
  );
const segment = (marker: number, ...parts: Part[]) => {
  const inside = bytes(...parts);
  return bytes([0xff, marker, (inside.length + 2) >> 8, (inside.length + 2) & 0xff], inside);
};
const jpeg = (...segments: Uint8Array[]) =>
  bytes(
    [0xff, 0xd8],
    ...segments,
    segment(0xdb, 'tables'),
    segment(0xda, 'scan'),
    // A byte of 255 is written as two, and a restart is no end.
    [1, 2, 0xff, 0, 3, 0xff, 0xd3, 4],
    segment(0xc4, 'more tables'),
    segment(0xda, 'scan'),
    [5, 6, 0xff, 0xd9],
  );

const chunk = (type: string, ...parts: Part[]) => {
  const inside = bytes(...parts);
  return bytes([0, 0, inside.length >> 8, inside.length & 0xff], type, inside, [0, 0, 0, 0]);
};
const png = (...chunks: Uint8Array[]) =>
  bytes([0x89], 'PNG\r\n\x1a\n', chunk('IHDR', 'thirteen byte'), ...chunks, chunk('IDAT', 'pixels'), chunk('IEND'));

const riff = (type: string, ...parts: Part[]) => {
  const inside = bytes(...parts);
  return bytes(type, [inside.length & 0xff, inside.length >> 8, 0, 0], inside, inside.length % 2 === 1 ? [0] : []);
};
const webp = (flags: number, ...chunks: Uint8Array[]) => {
  const inside = bytes('WEBP', riff('VP8X', [flags, 0, 0, 0, 9, 0, 0, 9, 0, 0]), ...chunks);
  return bytes('RIFF', [inside.length & 0xff, inside.length >> 8, 0, 0], inside);
};

describe('what a picture says of its maker', () => {
  it('goes from a JPEG with what stands behind its end, and what it looks like stays', () => {
    const looks = [segment(0xe0, 'JFIF\0'), segment(0xe2, 'ICC_PROFILE\0profile'), segment(0xee, 'Adobe')];
    const says = [
      segment(0xe1, 'Exif\0\0', exif(1)),
      segment(0xe1, 'xmp'),
      segment(0xe2, 'MPF\0'),
      segment(0xfe, 'by Ada'),
    ];
    const picture = bytes(jpeg(...looks, ...says), jpeg(segment(0xe1, 'Exif\0\0', exif(1))));
    expect(cleaned(picture)).toEqual(jpeg(...looks));
    expect(cleaned(jpeg(...looks))).toEqual(jpeg(...looks));
  });

  it('goes from a PNG', () => {
    const says = [chunk('eXIf', exif(1)), chunk('tEXt', 'Author\0Ada'), chunk('iTXt', 'xmp'), chunk('tIME', 'now')];
    const picture = bytes(png(chunk('gAMA', 'gamma'), ...says), 'and more');
    expect(cleaned(picture)).toEqual(png(chunk('gAMA', 'gamma')));
  });

  it('goes from a WebP, whose flags and size then say so', () => {
    const pixels = riff('VP8L', 'pixels!');
    const picture = webp(0x10 | 0x08 | 0x04, pixels, riff('EXIF', exif(1)), riff('XMP ', 'xmp'));
    expect(cleaned(picture)).toEqual(webp(0x10, pixels));
  });

  it.each([
    ['a JPEG that is shown turned', jpeg(segment(0xe1, 'Exif\0\0', exif(6)))],
    ['a PNG that is shown turned', png(chunk('eXIf', exif(3)))],
    ['a WebP that is shown turned', webp(0x08, riff('EXIF', 'Exif\0\0', exif(8)))],
    ['a JPEG that is cut', jpeg(segment(0xe1, 'Exif\0\0', exif(1))).subarray(0, 40)],
    ['a PNG that is cut', png(chunk('tEXt', 'Author\0Ada')).subarray(0, 30)],
    ['an AVIF', bytes([0, 0, 0, 24], 'ftypavif', [0, 0, 0, 0], 'avifmif1')],
  ])('goes from %s by drawing it anew', (_, picture) => {
    expect(cleaned(picture.slice())).toBe('redraw');
  });

  it('never stays, whatever the bytes', () => {
    const part = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(part, part, fc.nat(200), (a, b, cut) => {
        const picture = jpeg(segment(0xe1, 'Exif\0\0', exif(1)), segment(0xe0, a), segment(0xfe, 'SECRET', b));
        for (const content of [picture, picture.slice(0, cut)]) {
          expect(has(cleaned(content), '52.3676N')).toBe(false);
          expect(has(cleaned(content), 'SECRET')).toBe(false);
        }
      }),
    );
    expect(cleaned(bytes('plain text'))).toBeUndefined();
  });
});

describe('a message with files', () => {
  const file = (type: string, inline = true) => ({ type, inline });
  it.each([
    ['image', [file('image/png'), file('image/jpeg')]],
    ['video', [file('video/mp4')]],
    ['audio', [file('audio/ogg')]],
    ['file', [file('image/png'), file('video/mp4')]],
    ['file', [file('image/svg+xml', false)]],
    ['file', [file('application/pdf', false)]],
  ])('is of the kind %s', (kind, files) => {
    expect(kindOfMessage(files)).toBe(kind);
  });
});

describe('what is shown before a file is there', () => {
  it('keeps the proportion of a picture, and never less than a pixel', () => {
    expect(fitted(4000, 3000, 640)).toEqual([640, 480]);
    expect(fitted(300, 200, 640)).toEqual([300, 200]);
    expect(fitted(20_000, 1, 100)).toEqual([100, 1]);
  });

  it('says how loud a recording is over its time', () => {
    const samples = Float32Array.from({ length: 640 }, (_, i) => (i < 320 ? 0.1 : -0.2));
    expect([...loudness(samples, 4)]).toEqual([128, 128, 255, 255]);
    expect([...loudness(new Float32Array(0), 3)]).toEqual([0, 0, 0]);
  });

  it('is written without what addresses do not take', () => {
    expect(base64url(Uint8Array.of(251, 255, 254, 0))).toBe('-__-AA');
  });
});
