import { describe, expect, it } from 'vitest';
import type { Fetch, UploadProgress } from '../../src/index.ts';
import { LIMITS } from '../../src/index.ts';
import { group, person, secondDevice } from '../support/people.ts';

const noise = (size: number): Blob => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  return new Blob([bytes]);
};
const bytesOf = async (blob: Blob) => Buffer.from(await blob.arrayBuffer());
const PARTS = 3;
const SIZE = (PARTS - 1) * LIMITS.filePartBytes + 1000;

/** The real fetch; the requests it saw, and what befalls some of them. */
function counted(before: (line: string) => Promise<void> | void = () => undefined) {
  const requests: string[] = [];
  const fetch: Fetch = async (url, request) => {
    const line = `${request.method} ${new URL(url).pathname.replace(/file_\w+/, 'ID')}`;
    requests.push(line);
    await before(line);
    return globalThis.fetch(url, request);
  };
  return { requests, fetch, parts: () => requests.filter((line) => line.startsWith('PUT')).sort() };
}

describe('a file', () => {
  it('goes up and comes down, in one request when it is small', async () => {
    const { requests, fetch } = counted();
    const { client } = await person('Ada', { fetch });
    const before = requests.length;
    const seen: UploadProgress[] = [];
    const content = new Blob(['Hello, 好世界']);
    const file = await client.files.upload(content, {
      name: 'hello.txt',
      about: { duration_ms: 5 },
      onProgress: (p) => seen.push(p),
    });
    expect(requests.slice(before)).toEqual(['POST /api/uploads']);
    expect(file).toMatchObject({ name: 'hello.txt', type: 'text/plain', size: content.size, duration_ms: 5 });
    expect(seen.map(({ sent, total }) => [sent, total])).toEqual([
      [0, content.size],
      [content.size, content.size],
    ]);
    expect(await (await client.files.download({ file_id: file.id })).text()).toBe('Hello, 好世界');
    expect(await (await client.files.download({ file_id: file.id }, { range: [0, 5] })).text()).toBe('Hello');
    expect(await client.files.get(file.id)).toEqual(file);
    expect(await client.files.storage()).toMatchObject({ used: content.size });
    const url = await client.files.url({ file_id: file.id });
    expect(await (await globalThis.fetch(url)).text()).toBe('Hello, 好世界');
    URL.revokeObjectURL(url);
    const other = file.id.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'));
    await expect(client.files.download({ file_id: other })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('gets a ticket for a conversation that one is in', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const chat = await group(ada, bob);
    const file = await ada.client.files.upload(new Blob(['content']));
    expect(await ada.client.files.ticket(chat, file.id)).toMatchObject({ file, ticket: expect.any(String) });
    await expect(bob.client.files.ticket(chat, file.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(bob.client.files.ticket(chat, file.id, { from: chat })).rejects.toMatchObject({ code: 'not_found' });
    await expect(bob.client.files.download({ chat_id: chat, file_id: file.id })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});

describe('a large file', () => {
  it('goes up in parts, and over cuts', async () => {
    let cuts = 2;
    const { fetch, parts } = counted((line) => {
      if (line.startsWith('PUT') && cuts-- > 0) throw new TypeError('fetch failed');
    });
    const { client } = await person('Ada', { fetch, random: () => 0 });
    const content = noise(SIZE);
    const seen: number[] = [];
    const file = await client.files.upload(content, { onProgress: ({ sent }) => seen.push(sent) });
    expect(parts()).toHaveLength(PARTS + 2);
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(SIZE);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect((await bytesOf(await client.files.download({ file_id: file.id }))).equals(await bytesOf(content))).toBe(
      true,
    );
  });

  it('that was called off goes on where it stopped, on another device too', async () => {
    const controller = new AbortController();
    const ada = await person('Ada');
    const content = noise(SIZE);
    let id: string | undefined;
    const upload = ada.client.files.upload(content, {
      signal: controller.signal,
      onProgress: (progress) => {
        id = progress.id;
        if (progress.sent > 0) controller.abort();
      },
    });
    await expect(upload).rejects.toThrow();
    if (id === undefined) throw new Error('the upload has an id');
    const { fetch, parts } = counted();
    const { client } = await secondDevice(ada, { fetch });
    await expect(client.files.upload(noise(10), { resume: id })).rejects.toMatchObject({ code: 'invalid' });
    const file = await client.files.upload(content, { resume: id });
    expect(file.id).toBe(id);
    expect(parts().length).toBeLessThan(PARTS);
    expect((await bytesOf(await client.files.download({ file_id: id }))).equals(await bytesOf(content))).toBe(true);
  });

  it('whose first part was another content is sent anew where it differs', async () => {
    const ada = await person('Ada');
    const [wrong, right] = [noise(SIZE), noise(SIZE)];
    let id: string | undefined;
    const stop = new AbortController();
    await expect(
      ada.client.files.upload(wrong, {
        signal: stop.signal,
        onProgress: (progress) => {
          id = progress.id;
          if (progress.sent > 0) stop.abort();
        },
      }),
    ).rejects.toThrow();
    if (id === undefined) throw new Error('the upload has an id');
    await ada.client.files.upload(right, { resume: id });
    expect((await bytesOf(await ada.client.files.download({ file_id: id }))).equals(await bytesOf(right))).toBe(true);
  });

  it('can be given up', async () => {
    const { client } = await person('Ada');
    const { id } = await client.request<{ id: string }>('/api/files', { body: { name: 'x', size: SIZE } });
    expect((await client.files.storage()).used).toBe(SIZE);
    await client.files.abort(id);
    expect((await client.files.storage()).used).toBe(0);
    await expect(client.files.upload(noise(SIZE), { resume: id })).rejects.toMatchObject({ code: 'not_found' });
  });
});
