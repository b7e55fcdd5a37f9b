import { env } from 'cloudflare:workers';
import { base64url, importJWK, jwtVerify } from 'jose';
import { PushPayload } from '../../src/protocol/push.ts';

const bytes = (...parts: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> => {
  const all = parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part));
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
};

async function hmac(key: Uint8Array<ArrayBuffer>, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, data));
}

/** HKDF by its definition (RFC 5869), of at most 32 bytes. */
async function derive(salt: Uint8Array, secret: Uint8Array, info: Uint8Array, length: number) {
  const key = await hmac(bytes(salt), bytes(secret));
  return (await hmac(key, bytes(info, new Uint8Array([1])))).slice(0, length);
}

/** A browser with its push service: it subscribes, and reads what is pushed as RFC 8291 says, without the library that wrote it. */
export class Browser {
  readonly endpoint: string;
  readonly received: { payload: PushPayload; headers: Headers; size: number }[] = [];
  /** What the push service answers. */
  status = 201;
  readonly #auth = crypto.getRandomValues(new Uint8Array(16));
  readonly #keys: CryptoKeyPair;
  readonly #publicKey: Uint8Array<ArrayBuffer>;

  private constructor(endpoint: string, keys: CryptoKeyPair, publicKey: Uint8Array<ArrayBuffer>) {
    this.endpoint = endpoint;
    this.#keys = keys;
    this.#publicKey = publicKey;
  }

  static async open(name: string): Promise<Browser> {
    const keys = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    if (!('publicKey' in keys)) throw new Error('a pair of keys');
    const raw = await crypto.subtle.exportKey('raw', keys.publicKey);
    if (!(raw instanceof ArrayBuffer)) throw new Error('raw bytes');
    return new Browser(`https://fcm.googleapis.com/fcm/send/${name}`, keys, new Uint8Array(raw));
  }

  get subscription() {
    return {
      endpoint: this.endpoint,
      keys: { p256dh: base64url.encode(this.#publicKey), auth: base64url.encode(this.#auth) },
    };
  }

  async receive(request: Request): Promise<Response> {
    if (this.status >= 300) return new Response(null, { status: this.status });
    const { headers } = request;
    const [, token = '', key = ''] = /^vapid t=([^,]+), k=(.+)$/.exec(headers.get('authorization') ?? '') ?? [];
    const point = base64url.decode(key);
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: base64url.encode(point.slice(1, 33)),
      y: base64url.encode(point.slice(33)),
    };
    await jwtVerify(token, await importJWK(jwk, 'ES256'), {
      audience: new URL(this.endpoint).origin,
      algorithms: ['ES256'],
    });
    const body = new Uint8Array(await request.arrayBuffer());
    const text = new TextDecoder().decode(await this.#decrypt(body));
    this.received.push({ payload: PushPayload.parse(JSON.parse(text)), headers, size: body.byteLength });
    return new Response(null, { status: this.status });
  }

  async #decrypt(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const salt = body.slice(0, 16);
    const recordSize = new DataView(body.buffer).getUint32(16);
    const idLength = body[20] ?? 0;
    const senderKey = body.slice(21, 21 + idLength);
    const record = body.slice(21 + idLength);
    if (record.byteLength > recordSize || body.byteLength > 4096) throw new Error('more than one record');
    const sender = await crypto.subtle.importKey('raw', senderKey, { name: 'ECDH', namedCurve: 'P-256' }, false, []);
    const secret = new Uint8Array(
      await crypto.subtle.deriveBits(
        // The types have the property under the name that it has inside of the runtime.
        Object.assign({ name: 'ECDH', $public: sender }, { public: sender }),
        this.#keys.privateKey,
        256,
      ),
    );
    const info = bytes('WebPush: info\0', this.#publicKey, senderKey);
    const ikm = await derive(this.#auth, secret, info, 32);
    const content = await derive(salt, ikm, bytes('Content-Encoding: aes128gcm\0'), 16);
    const nonce = await derive(salt, ikm, bytes('Content-Encoding: nonce\0'), 12);
    const key = await crypto.subtle.importKey('raw', content, 'AES-GCM', false, ['decrypt']);
    const padded = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, record));
    const end = padded.lastIndexOf(2);
    if (end < 0 || padded.slice(end + 1).some((byte) => byte !== 0)) throw new Error('the last record ends with 2');
    return padded.slice(0, end);
  }
}

/** The network, at whose other end are these browsers. */
export const networkOf =
  (...browsers: Browser[]): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    const browser = browsers.find(({ endpoint }) => endpoint === request.url);
    if (browser === undefined) throw new Error(`nobody is at ${request.url}`);
    return browser.receive(request);
  };

/** The environment with a key for push, and a queue that keeps what is put on it. */
export async function pushing(): Promise<{ env: Env; queued: { body: unknown; delay: number }[] }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  if (!('privateKey' in pair)) throw new Error('a pair of keys');
  const { kty, crv, x, y, d } = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey;
  const queued: { body: unknown; delay: number }[] = [];
  const TASKS = new Proxy(env.TASKS, {
    get: (target, property) =>
      property === 'send'
        ? async (body: unknown, options?: { delaySeconds?: number }) =>
            void queued.push({ body, delay: options?.delaySeconds ?? 0 })
        : Reflect.get(target, property),
  });
  return { env: { ...env, VAPID_KEY: JSON.stringify({ kty, crv, x, y, d }), TASKS }, queued };
}
