import { thumbHashToDataURL } from 'thumbhash';

/** A picture of a few pixels, to show until the real one is there. */
export function placeholderUrl(hash: string | undefined): string | undefined {
  if (hash === undefined) return undefined;
  try {
    return thumbHashToDataURL(bytesOf(hash));
  } catch {
    // Made by another client, and not a ThumbHash.
    return undefined;
  }
}

export const bytesOf = (base64url: string): Uint8Array =>
  Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
