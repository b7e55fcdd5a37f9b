/** The part of node:crypto that is used: HMAC without a promise, for the synchronous path of a message. */
declare module 'node:crypto' {
  export function createHmac(
    algorithm: 'sha256',
    key: Uint8Array,
  ): { update(text: string): { digest(): Uint8Array<ArrayBuffer> } };
  export function hkdfSync(
    digest: 'sha256',
    key: Uint8Array,
    salt: Uint8Array,
    info: string,
    bytes: number,
  ): ArrayBuffer;
  export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
}
