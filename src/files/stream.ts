import { ApiError } from '../errors.ts';
import { HEAD_BYTES } from './inspect.ts';

/** Bytes that are read at once. What is in memory of a body is a few times this, however long it is. */
const CHUNK_BYTES = 64 * 1024;

export interface Digest {
  /** In hex. */
  sha256: string;
  /** The first bytes. */
  head: Uint8Array;
}

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Reads a body of exactly `size` bytes to its end, at the pace of the slower of the digest and `sink`, and closes the sink.
 * Throws `invalid` when it is longer or shorter; the sink is then aborted, so that nothing half is kept.
 */
export async function pass(
  body: ReadableStream<Uint8Array>,
  size: number,
  sink?: WritableStream<Uint8Array>,
): Promise<Digest> {
  const digest = new crypto.DigestStream('SHA-256');
  const outputs = [digest.getWriter(), ...(sink === undefined ? [] : [sink.getWriter()])];
  const reader = body.getReader({ mode: 'byob' });
  const head = new Uint8Array(Math.min(size, HEAD_BYTES));
  let length = 0;
  // Whoever fails first says why; that the others then end too is no news.
  digest.digest.catch(() => undefined);
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(CHUNK_BYTES, new Uint8Array(CHUNK_BYTES));
      if (value !== undefined && value.byteLength > 0) {
        if (length + value.byteLength > size) throw wrongSize(size, 'more');
        if (length < head.byteLength) head.set(value.subarray(0, head.byteLength - length), length);
        length += value.byteLength;
        await Promise.all(outputs.map((output) => output.write(value)));
      }
      if (done) break;
    }
    if (length < size) throw wrongSize(size, 'less');
    await Promise.all(outputs.map((output) => output.close()));
  } catch (error) {
    await Promise.allSettled([reader.cancel(error), ...outputs.map((output) => output.abort(error))]);
    throw error;
  }
  return { sha256: hex(await digest.digest), head };
}

const wrongSize = (size: number, how: 'more' | 'less') =>
  new ApiError('invalid', `The body has ${how} than the ${size} bytes that were announced`);

/** Stores a body by `store`, which is given a stream of known length, while it is digested. */
export async function passInto<T>(
  body: ReadableStream<Uint8Array>,
  size: number,
  store: (stream: ReadableStream<Uint8Array>) => Promise<T>,
): Promise<Digest & { stored: T }> {
  const { readable, writable } = new FixedLengthStream(size);
  const storing = store(readable);
  // Awaited below; a failure that comes while the body is still read must not count as unheard.
  storing.catch(() => undefined);
  const digest = await pass(body, size, writable);
  return { ...digest, stored: await storing };
}
