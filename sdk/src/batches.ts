import type { ClientFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';

const encoder = new TextEncoder();

/** Length of a text in bytes of UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).byteLength;
}

/**
 * A frame, or a part of one, as JSON. A bare U+FFFD is what a server finds in the place of bytes that are no UTF-8: it takes
 * only the escape.
 */
export const frameText = (value: object): string => JSON.stringify(value).replaceAll('\ufffd', '\\ufffd');

/** Frames as texts to send: as few as the wire's limits on frames and bytes in one message permit, in order. */
export function encodeBatches(frames: readonly ClientFrame[]): string[] {
  const texts: string[] = [];
  let batch: string[] = [];
  let bytes = 0;
  const close = () => {
    if (batch.length > 0) texts.push(batch.length === 1 ? (batch[0] ?? '') : `[${batch.join(',')}]`);
    batch = [];
    bytes = 2;
  };
  close();
  for (const frame of frames) {
    const text = frameText(frame);
    const size = byteLength(text) + 1;
    if (batch.length >= LIMITS.framesPerMessage || bytes + size > LIMITS.frameBytes) close();
    batch.push(text);
    bytes += size;
  }
  close();
  return texts;
}
