import { beforeAll, describe, expect, it } from 'vitest';
import { type Account, api, request, signUp, unique } from '../support/api.ts';
import { noise, png, upload, uploadRaw } from '../support/files.ts';

/* Contents that are not what they seem. What a sender says of a content is never believed, and nothing that comes back runs. */

let ada: Account;
beforeAll(async () => {
  ada = await signUp();
});

const SCRIPT = '<script>alert(document.domain)</script>';
const bytesOf = async (...parts: (string | Uint8Array<ArrayBuffer>)[]): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Blob(parts).arrayBuffer());
const utf16 = (text: string) =>
  Uint8Array.from(Array.from(text).flatMap((unit) => [unit.charCodeAt(0) & 0xff, unit.charCodeAt(0) >> 8]));
const fetched = (id: string) => request(`/api/files/${id}/content`, { token: ada.token });

/** What a browser would have to be told to run it. */
const RUNS = /html|xml|svg|javascript|ecmascript|json|css|flash|wasm/;

describe('a polyglot', () => {
  const polyglots: [string, () => Promise<Uint8Array<ArrayBuffer>>][] = [
    ['of a PNG and a page', () => bytesOf(png(1, 1, unique('a')), SCRIPT)],
    ['of a GIF and a script', () => bytesOf('GIF89a/*', noise(8), `*/=1;${SCRIPT}`)],
    ['of a JPEG and a page', () => bytesOf(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), noise(8), `<html>${SCRIPT}`)],
    ['of a PDF and a page', () => bytesOf('%PDF-1.7\n', `<html>${SCRIPT}`)],
    ['of a ZIP and a page', () => bytesOf(Uint8Array.of(0x50, 0x4b, 3, 4), noise(30), SCRIPT)],
    ['that begins with spaces', () => bytesOf(' '.repeat(9000), `<html>${SCRIPT}`)],
    ['that begins with a mark of byte order', () => bytesOf('\ufeff', `<svg onload="alert(1)">${SCRIPT}</svg>`)],
    ['in UTF-16', () => bytesOf(utf16(`\ufeff<html>${SCRIPT}`))],
  ];
  it.each(polyglots)('%s comes back as nothing that runs', async (_, make) => {
    const content = await make();
    for (const name of ['page.html', 'cat.png', 'cat.svg', 'x.js']) {
      const { id } = await upload(ada, content, { name });
      const response = await fetched(id);
      const { headers } = response;
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(content);
      const type = headers.get('content-type') ?? '';
      if (headers.get('content-disposition')?.startsWith('inline')) expect(type).not.toMatch(RUNS);
      expect(type).not.toMatch(/html|svg|javascript/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    }
  });
});

it('a type that the sender claims changes nothing', async () => {
  const query = new URLSearchParams({ name: 'page.html' });
  for (const type of [
    'text/html',
    'image/svg+xml',
    'application/javascript',
    'x; charset=utf-7',
    'text/html,image/png',
  ]) {
    const response = await request(`/api/uploads?${query}`, {
      token: ada.token,
      raw: `<html>${SCRIPT}`,
      headers: { 'content-type': type },
    });
    const { id } = JSON.parse(await response.text()) as { id: string };
    const back = await fetched(id);
    await back.body?.cancel();
    expect([type, back.headers.get('content-type')]).toEqual([type, 'text/plain; charset=utf-8']);
    expect(back.headers.get('content-disposition')).toMatch(/^attachment/);
  }
});

describe('an image whose declared size would fill a memory', () => {
  const jpeg = (width: number, height: number) =>
    bytesOf(
      Uint8Array.of(0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3),
      noise(16),
    );
  const gif = (width: number, height: number) =>
    bytesOf('GIF89a', Uint8Array.of(width & 0xff, width >> 8, height & 0xff, height >> 8, 0, 0, 0), noise(4));
  const webp = (width: number, height: number) => {
    const [w, h] = [width - 1, height - 1];
    const size = Uint8Array.of(w & 0xff, (w >> 8) & 0xff, w >> 16, h & 0xff, (h >> 8) & 0xff, h >> 16);
    return bytesOf(
      'RIFF',
      Uint8Array.of(30, 0, 0, 0),
      'WEBPVP8X',
      Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0),
      size,
      noise(4),
    );
  };
  it.each([
    ['JPEG', jpeg],
    ['GIF', gif],
    ['WebP', webp],
    ['PNG', async (width: number, height: number) => png(width, height, unique('bomb'))],
  ] as const)('a %s is shown to nobody, and of another size it is', async (_, make) => {
    const [bomb, picture] = [await upload(ada, await make(60_000, 60_000)), await upload(ada, await make(600, 400))];
    expect(bomb).toMatchObject({ inline: false });
    expect([bomb.width, bomb.height]).toEqual([undefined, undefined]);
    expect(picture).toMatchObject({ inline: true, width: 600, height: 400 });
  });
});

it('a name cannot leave its header, nor its folder', async () => {
  const NAMES = [
    'a"; filename=b.html',
    '../../etc/passwd',
    '..\\..\\x.exe',
    'a;b',
    '\u202egpj.exe',
    '%0d%0aSet-Cookie: a=b',
  ];
  for (const name of NAMES) {
    const response = await uploadRaw(ada, noise(10), { name });
    const text = await response.text();
    if (response.status === 422) continue;
    expect([name, response.status]).toEqual([name, 201]);
    const back = await fetched((JSON.parse(text) as { id: string }).id);
    await back.body?.cancel();
    const disposition = back.headers.get('content-disposition') ?? '';
    expect(back.headers.get('set-cookie')).toBeNull();
    expect(disposition).toMatch(
      /^attachment; filename=("(?:[^"\\]|\\.)*"|[^\s;"]+)(; filename\*=UTF-8''[\w.%!~*'()-]+)?$/,
    );
    expect(disposition).not.toMatch(/[\r\n\u202e]/);
  }
  for (const name of ['a\r\nSet-Cookie: a=b', 'a\u0000b', '', ' '.repeat(300)]) {
    expect([name, (await uploadRaw(ada, noise(10), { name })).status]).toEqual([name, 422]);
  }
});

describe('a length', () => {
  const storage = async () => (await api<{ used: number }>('/api/users/me/storage', { token: ada.token })).body.used;
  it('that is absent is asked for, and nothing is kept', async () => {
    const before = await storage();
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(noise(100));
        controller.close();
      },
    });
    const response = await uploadRaw(ada, body);
    await response.body?.cancel();
    expect(response.status).toBe(422);
    expect(await storage()).toBe(before);
  });
});
