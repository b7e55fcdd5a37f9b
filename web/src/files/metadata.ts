// Pictures say where and by whom they were taken. What of that a picture shows stays; what it says beside that goes.

/** The same picture without it; `redraw` when only drawing it anew keeps it as it looks; undefined: not a picture known here. */
export type Cleaned = Uint8Array<ArrayBuffer> | 'redraw' | undefined;

type Bytes = Uint8Array<ArrayBuffer>;

export function cleaned(bytes: Bytes): Cleaned {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpeg(bytes);
  if (textAt(bytes, 1, 3) === 'PNG') return png(bytes);
  if (textAt(bytes, 0, 4) === 'RIFF' && textAt(bytes, 8, 4) === 'WEBP') return webp(bytes);
  if (textAt(bytes, 0, 4) === 'GIF8') return bytes;
  if (textAt(bytes, 4, 4) === 'ftyp' && /avif|avis/.test(textAt(bytes, 8, 24))) return 'redraw';
  return undefined;
}

const textAt = (bytes: Bytes, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

const viewOf = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function joined(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

/** Segments of a JPEG that say how it looks: JFIF, the colour profile, Adobe's transform. */
const showsColour = (marker: number, segment: Bytes): boolean =>
  marker === 0xe0 || marker === 0xee || (marker === 0xe2 && textAt(segment, 4, 11) === 'ICC_PROFILE');

/** Everything behind the end of the picture goes too: cameras append others, with what they say of themselves. */
function jpeg(bytes: Bytes): Cleaned {
  const view = viewOf(bytes);
  const parts = [bytes.subarray(0, 2)];
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return 'redraw';
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) return 'redraw';
    const segment = bytes.subarray(at, end);
    if (marker === 0xe1 && textAt(segment, 4, 4) === 'Exif' && isTurned(segment.subarray(10))) return 'redraw';
    const said = (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
    if (!said || showsColour(marker, segment)) parts.push(segment);
    at = end;
    if (marker !== 0xda) continue;
    const scanned = endOfScan(bytes, at);
    parts.push(bytes.subarray(at, scanned));
    at = scanned;
    if (bytes[at + 1] === 0xd9) return joined([...parts, bytes.subarray(at, at + 2)]);
  }
  return 'redraw';
}

/** Where the next marker stands behind a scan. Within it 0xff is followed by 0, by a restart, or by itself. */
function endOfScan(bytes: Bytes, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

const PNG_SAYS = new Set(['eXIf', 'tEXt', 'zTXt', 'iTXt', 'tIME']);

function png(bytes: Bytes): Cleaned {
  const view = viewOf(bytes);
  const parts = [bytes.subarray(0, 8)];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const type = textAt(bytes, at + 4, 4);
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return 'redraw';
    if (type === 'eXIf' && isTurned(bytes.subarray(at + 8, end - 4))) return 'redraw';
    if (!PNG_SAYS.has(type)) parts.push(bytes.subarray(at, end));
    if (type === 'IEND') return joined(parts);
    at = end;
  }
  return 'redraw';
}

/** The flags of an extended WebP that name its Exif and XMP. */
const WEBP_SAYS = 0x08 | 0x04;

function webp(bytes: Bytes): Cleaned {
  const view = viewOf(bytes);
  const parts: Bytes[] = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const type = textAt(bytes, at, 4);
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size + (size % 2);
    if (end > bytes.length) return 'redraw';
    const chunk = bytes.slice(at, end);
    if (type === 'EXIF') {
      const prefixed = textAt(chunk, 8, 4) === 'Exif';
      if (isTurned(chunk.subarray(prefixed ? 14 : 8))) return 'redraw';
    } else if (type !== 'XMP ') {
      if (type === 'VP8X') chunk[8] = (chunk[8] ?? 0) & ~WEBP_SAYS;
      parts.push(chunk);
    }
    at = end;
  }
  const all = joined([bytes.slice(0, 12), ...parts]);
  viewOf(all).setUint32(4, all.byteLength - 8, true);
  return all;
}

const ORIENTATION = 0x0112;

/** Whether Exif says that the picture is shown otherwise than it is stored. */
function isTurned(exif: Bytes): boolean {
  if (exif.byteLength < 14) return false;
  const view = viewOf(exif);
  const little = textAt(exif, 0, 2) === 'II';
  const directory = view.getUint32(4, little);
  if (directory + 2 > exif.byteLength) return false;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > exif.byteLength) return false;
    if (view.getUint16(entry, little) === ORIENTATION) return view.getUint16(entry + 8, little) > 1;
  }
  return false;
}
