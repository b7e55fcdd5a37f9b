// What a file needs before it is sent: a picture without what it says of its maker, a small picture to show first, and what
// is to be known of it before it is there. Loaded with the first file that is chosen.
import { type FileAbout, LIMITS } from '@tideline/sdk';
import { rgbaToThumbHash } from 'thumbhash';
import type { MediaKind } from './kind.ts';
import { cleaned } from './metadata.ts';

/** The longer side of a small picture, px. */
const THUMBNAIL = 640;
/** A picture of fewer bytes is its own thumbnail. */
const SMALL = 200_000;
/** The server takes no larger one. */
const THUMBNAIL_BYTES = LIMITS.thumbnailBytes;
/** The longer side of what a placeholder is made of, px. */
const PLACEHOLDER = 100;
/** A film that says nothing of itself within this time is sent without; ms. */
const PATIENCE = 10_000;
/** Samples of a waveform. */
const SAMPLES = 64;

export interface Prepared {
  readonly content: Blob;
  readonly about: FileAbout;
  readonly thumbnail?: Blob;
}

/** @throws when a picture cannot be made free of what it says of its maker */
export async function prepare(file: File, kind: MediaKind): Promise<Prepared> {
  switch (kind) {
    case 'image':
      return preparePicture(file);
    case 'video':
      return prepareFilm(file);
    case 'audio':
      return { content: file, about: await durationOf(file) };
    case 'file':
      return { content: file, about: {} };
  }
}

async function preparePicture(file: File): Promise<Prepared> {
  const clean = cleaned(new Uint8Array(await file.arrayBuffer()));
  // What other browsers do not show, HEIC for one, is drawn anew where this one can; a drawing of lines stays what it is.
  const drawable = clean === undefined && file.type !== 'image/svg+xml';
  const other = drawable ? await createImageBitmap(file).catch(() => null) : null;
  if (clean === undefined && other === null) return { content: file, about: {} };
  if (clean === undefined || clean === 'redraw') {
    const bitmap = other ?? (await createImageBitmap(file));
    const type = file.type === 'image/jpeg' ? 'image/jpeg' : 'image/webp';
    const content = await drawn(bitmap, bitmap.width, bitmap.height).convertToBlob({ type, quality: 0.92 });
    return { content, ...(await shown(bitmap, content, type)) };
  }
  const content = new Blob([clean], { type: file.type });
  const bitmap = await createImageBitmap(content).catch(() => undefined);
  // One that this browser cannot draw may be shown by another.
  if (bitmap === undefined) return { content, about: {} };
  return { content, ...(await shown(bitmap, content, file.type)) };
}

/** A placeholder and, of what is large and does not move, a small picture. */
async function shown(bitmap: ImageBitmap, content: Blob, type: string) {
  const about: FileAbout = { placeholder: placeholderOf(bitmap) };
  const large = content.size > SMALL && Math.max(bitmap.width, bitmap.height) > THUMBNAIL && type !== 'image/gif';
  const small = large ? await thumbnailOf(bitmap, type === 'image/jpeg' ? type : 'image/webp') : undefined;
  bitmap.close();
  // A browser that writes no WebP makes a PNG of it, which may be as large as the picture.
  return { about, ...(small === undefined || small.size > THUMBNAIL_BYTES ? {} : { thumbnail: small }) };
}

async function prepareFilm(file: File): Promise<Prepared> {
  const url = URL.createObjectURL(file);
  try {
    const video = Object.assign(document.createElement('video'), { muted: true, preload: 'auto', src: url });
    await once(video, 'loadeddata');
    // The very first picture is often black.
    video.currentTime = Math.min(0.5, video.duration / 2);
    await once(video, 'seeked');
    const bitmap = await createImageBitmap(video);
    const about: FileAbout = {
      ...lengthOf(video.duration),
      width: bitmap.width,
      height: bitmap.height,
      placeholder: placeholderOf(bitmap),
    };
    const thumbnail = await thumbnailOf(bitmap, 'image/jpeg');
    bitmap.close();
    return { content: file, about, thumbnail };
  } catch {
    // A film that this browser does not play is sent all the same.
    return { content: file, about: {} };
  } finally {
    URL.revokeObjectURL(url);
  }
}

function once(media: HTMLMediaElement, type: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE);
    media.addEventListener(type, () => resolve(), { once: true, signal });
    for (const target of [media, signal]) {
      target.addEventListener(target === media ? 'error' : 'abort', () => reject(new Error(`no ${type}`)), {
        once: true,
      });
    }
  });
}

const lengthOf = (seconds: number): FileAbout =>
  Number.isFinite(seconds) && seconds > 0 ? { duration_ms: Math.round(seconds * 1000) } : {};

async function durationOf(file: File): Promise<FileAbout> {
  const url = URL.createObjectURL(file);
  try {
    const audio = Object.assign(document.createElement('audio'), { preload: 'metadata', src: url });
    await once(audio, 'loadedmetadata');
    return lengthOf(audio.duration);
  } catch {
    return {};
  } finally {
    URL.revokeObjectURL(url);
  }
}

function drawn(bitmap: ImageBitmap, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

/** Sides with the same proportion, the longer one at most `most`. */
export function fitted(width: number, height: number, most: number): readonly [number, number] {
  const scale = Math.min(1, most / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function thumbnailOf(bitmap: ImageBitmap, type: string): Promise<Blob> {
  return drawn(bitmap, ...fitted(bitmap.width, bitmap.height, THUMBNAIL)).convertToBlob({ type, quality: 0.8 });
}

function placeholderOf(bitmap: ImageBitmap): string {
  const [width, height] = fitted(bitmap.width, bitmap.height, PLACEHOLDER);
  const pixels = drawn(bitmap, width, height).getContext('2d')?.getImageData(0, 0, width, height).data;
  return base64url(rgbaToThumbHash(width, height, pixels ?? new Uint8ClampedArray(width * height * 4)));
}

export const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** Of a recording: how long it is, and how loud over its time. */
export async function soundOf(recording: Blob): Promise<FileAbout> {
  const context = new OfflineAudioContext(1, 1, 44_100);
  const buffer = await context.decodeAudioData(await recording.arrayBuffer());
  const waveform = base64url(loudness(buffer.getChannelData(0), SAMPLES));
  return { duration_ms: Math.max(1, Math.round(buffer.duration * 1000)), waveform };
}

/** The loudest of each stretch, the loudest of all being 255. */
export function loudness(samples: Float32Array, count: number): Uint8Array {
  const peaks = Array.from({ length: count }, (_, i) => {
    const part = samples.subarray((i * samples.length) / count, ((i + 1) * samples.length) / count);
    return part.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  });
  const loudest = Math.max(...peaks, 1e-6);
  return Uint8Array.from(peaks, (peak) => Math.round((peak / loudest) * 255));
}
