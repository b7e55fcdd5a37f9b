import { fileTypeFromBuffer } from 'file-type';
import { imageDimensionsFromData } from 'image-dimensions';
import { LIMITS } from '../protocol/limits.ts';

/** Bytes from the beginning that tell what a content is: the size of a JPEG may stand behind a long profile. */
export const HEAD_BYTES = 256 * 1024;
/** As many are looked at for the type alone: no more is needed, and no archive is unpacked for it. */
const TYPE_BYTES = 8 * 1024;
/** More pixels than this fill a phone's memory. */
const MAX_PIXELS = 100_000_000;

export interface Nature {
  media_type: string;
  /** Of an image that a browser may be asked to show. */
  width: number | null;
  height: number | null;
}

/** Names that the detector has for what browsers know by another. */
const ALIASES: Readonly<Record<string, string>> = {
  'audio/x-m4a': 'audio/mp4',
  'image/apng': 'image/png',
  'image/vnd.mozilla.apng': 'image/png',
};
const IMAGES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);
const SOUND_AND_PICTURES: ReadonlySet<string> = new Set([
  ...['video/mp4', 'video/webm', 'video/ogg'],
  ...['audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/ogg', 'audio/opus', 'audio/wav', 'audio/webm', 'audio/flac'],
]);

/** Whether a content may be shown where it is fetched. All else, HTML and SVG too, is served to be saved. */
export const isInline = ({ media_type, width }: Nature): boolean =>
  IMAGES.has(media_type) ? width !== null : SOUND_AND_PICTURES.has(media_type);

/**
 * Containers of films that hold nothing but sound, as browsers make them when they record a voice: their type is that of a
 * film until one looks at what tracks they have.
 */
function isSoundAlone(mediaType: string, head: Uint8Array): boolean {
  if (mediaType !== 'video/webm' && mediaType !== 'video/mp4') return false;
  const text = new TextDecoder('latin1').decode(head.subarray(0, TYPE_BYTES));
  if (mediaType === 'video/webm') return /A_(?:OPUS|VORBIS)/.test(text) && !/V_(?:VP8|VP9|AV1|MPEG)/.test(text);
  const tracks = Array.from(text.matchAll(/hdlr[\s\S]{8}(soun|vide)/g), ([, kind]) => kind);
  return tracks.includes('soun') && !tracks.includes('vide');
}

/** What a content is, by its first bytes and never by its name. */
export async function natureOf(head: Uint8Array): Promise<Nature> {
  const found = await fileTypeFromBuffer(head.subarray(0, TYPE_BYTES)).catch(() => undefined);
  const detected = found?.mime.split(';', 1)[0] ?? (isText(head.subarray(0, TYPE_BYTES)) ? 'text/plain' : undefined);
  const named = ALIASES[detected ?? ''] ?? detected ?? 'application/octet-stream';
  const media_type = isSoundAlone(named, head) ? named.replace('video/', 'audio/') : named;
  const size = IMAGES.has(media_type) ? sizeOf(head) : undefined;
  return { media_type, width: size?.width ?? null, height: size?.height ?? null };
}

/** What an image declares in its first bytes; undefined when it says nothing sensible. */
function sizeOf(head: Uint8Array): { width: number; height: number } | undefined {
  let size: ReturnType<typeof imageDimensionsFromData>;
  try {
    size = imageDimensionsFromData(head);
  } catch {
    return undefined;
  }
  if (size === undefined) return undefined;
  const { width, height } = size;
  const sides = [width, height].every((side) => Number.isInteger(side) && side >= 1 && side <= LIMITS.imageSide);
  return sides && width * height <= MAX_PIXELS ? { width, height } : undefined;
}

/** UTF-8 (a last character that is cut off does not count against it) without the control characters of a binary. */
function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes, { stream: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return bytes.byteLength > 0 && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text);
  } catch {
    return false;
  }
}
