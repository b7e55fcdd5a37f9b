import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sweepFiles } from '../../src/files/sweep.ts';
import { TICKET_TTL_MS } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import { Chat } from '../../src/protocol/chats.ts';
import { Problem } from '../../src/protocol/errors.ts';
import { FileInfo, Storage, Upload } from '../../src/protocol/files.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { Workspace } from '../../src/protocol/workspaces.ts';
import { type Account, api, expectJson, request, signUp, unique } from '../support/api.ts';
import {
  begin,
  complete,
  noise,
  png,
  putPart,
  sha256,
  stored,
  ticketFor,
  upload,
  uploadRaw,
} from '../support/files.ts';
import { roomOf } from '../support/objects.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const PART = LIMITS.filePartBytes;

let ada: Account;
let bob: Account;
beforeAll(async () => {
  bob = await signUp();
});
beforeEach(async () => {
  ada = await signUp();
});

const code = async (response: Response): Promise<[number, string]> => [
  response.status,
  Problem.parse(await response.json()).code,
];
const content = (account: Account, id: string, headers: Record<string, string> = {}) =>
  request(`/api/files/${id}/content`, { token: account.token, headers });
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
const used = async (account: Account) =>
  (await expectJson(Storage, 200, '/api/users/me/storage', { token: account.token })).used;

async function groupOf(owner: Account, ...others: Account[]): Promise<string> {
  const body = { type: 'Group', members: others.map(({ id }) => id) };
  return (await expectJson(Chat, 201, '/api/chats', { token: owner.token, body })).id;
}

/** What a message with the file does in the room. */
async function send(account: Account, chatId: string, fileId: string): Promise<number> {
  const sent = await api<{ seq: number }>(`/api/chats/${chatId}/messages`, {
    token: account.token,
    body: { content: 'a file' },
  });
  await runInDurableObject(roomOf(chatId), (_room, state) => {
    state.storage.sql.exec('INSERT INTO files VALUES (?, ?)', fileId, sent.body.seq);
  });
  return sent.body.seq;
}
const unsend = (chatId: string, fileId: string) =>
  runInDurableObject(roomOf(chatId), (_room, state) => {
    state.storage.sql.exec('DELETE FROM files WHERE file_id = ?', fileId);
  });

describe('an upload in one request', () => {
  it('gives the bytes back, with what they are', async () => {
    const picture = png(640, 480, unique('salt'));
    const file = await upload(ada, picture, { name: 'Hafen ⚓.exe', placeholder: 'abcd', waveform: 'AAEC' });
    expect(file).toMatchObject({
      name: 'Hafen ⚓.exe',
      size: picture.byteLength,
      type: 'image/png',
      sha256: await sha256(picture),
      inline: true,
      width: 640,
      height: 480,
      placeholder: 'abcd',
      waveform: 'AAEC',
    });
    expect(await expectJson(FileInfo, 200, `/api/files/${file.id}`, { token: ada.token })).toEqual(file);
    const response = await content(ada, file.id);
    expect(await bytesOf(response)).toEqual(picture);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(picture.byteLength),
      'content-disposition': expect.stringMatching(/^inline; filename=.*; filename\*=UTF-8''Hafen%20%E2%9A%93\.exe$/),
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
      'cross-origin-resource-policy': 'same-origin',
      etag: `"${file.sha256}"`,
      'accept-ranges': 'bytes',
    });
    const head = await request(`/api/files/${file.id}/content`, { method: 'HEAD', token: ada.token });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(picture.byteLength),
      '',
    ]);
    expect(await used(ada)).toBe(picture.byteLength);
  });

  it('serves ranges and answers conditions', async () => {
    const bytes = noise(100_000);
    const { id, sha256: hash } = await upload(ada, bytes);
    const part = await content(ada, id, { range: 'bytes=1000-1999' });
    expect([part.status, part.headers.get('content-range'), part.headers.get('content-length')]).toEqual([
      206,
      'bytes 1000-1999/100000',
      '1000',
    ]);
    expect(await bytesOf(part)).toEqual(bytes.subarray(1000, 2000));
    const tail = await content(ada, id, { range: 'bytes=-10' });
    expect(await bytesOf(tail)).toEqual(bytes.subarray(-10));
    const same = await content(ada, id, { 'if-none-match': `"${hash}"` });
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', `"${hash}"`]);
    const outside = await content(ada, id, { range: 'bytes=100000-' });
    expect(outside.headers.get('content-range')).toBe('bytes */100000');
    expect(await code(outside)).toEqual([416, 'range_not_satisfiable']);
    expect(await code(await content(ada, id, { 'if-match': '"other"' }))).toEqual([412, 'precondition_failed']);
  });

  it.each([
    ['<!doctype html><script>alert(1)</script>', 'text/plain; charset=utf-8'],
    ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 'text/plain; charset=utf-8'],
    ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'application/xml'],
    ['%PDF-1.7\n%âãÏÓ\n', 'application/pdf'],
    ['MZ\u0000\u0000', 'application/x-msdownload'],
    ['\u0000\u0001\u0002', 'application/octet-stream'],
    ['Ahoi 你好', 'text/plain; charset=utf-8'],
  ])('of %s is saved, never shown, whatever its name says', async (text, type) => {
    const { id, inline } = await upload(ada, text, { name: 'cat.png' });
    const response = await content(ada, id);
    expect(inline).toBe(false);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=cat.png');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    await response.body?.cancel();
  });

  it.each([
    ['declares more pixels than fit into memory', png(16_000, 16_000)],
    ['declares a side that is too long', png(60_000, 2)],
    ['declares nothing', png(0, 0)],
  ])('of an image that %s is only saved', async (_what, bytes) => {
    const file = await upload(ada, bytes, { name: 'bomb.png', width: '100', height: '100' });
    expect(file).toMatchObject({ type: 'image/png', inline: false });
    expect(file.width).toBeUndefined();
  });

  it('believes the image, not its sender, about its size; a camera may turn it', async () => {
    const salt = unique('s');
    const response = await uploadRaw(ada, png(640, 480, salt), { width: '10', height: '10' });
    expect(await code(response)).toEqual([422, 'invalid']);
    expect(await code(await uploadRaw(ada, png(640, 480, salt), { width: '640' }))).toEqual([422, 'invalid']);
    const turned = await upload(ada, png(640, 480, salt), { width: '480', height: '640' });
    expect(turned).toMatchObject({ width: 480, height: 640 });
    expect(await used(ada)).toBe(turned.size);
  });

  it('is refused when it is not what was announced, and leaves nothing', async () => {
    const before = await stored();
    const wrongHash = await uploadRaw(ada, 'content', { sha256: '0'.repeat(64) });
    expect(await code(wrongHash)).toEqual([422, 'invalid']);
    expect(await code(await uploadRaw(ada, new Uint8Array()))).toEqual([422, 'invalid']);
    expect(await stored()).toEqual(before);
    expect(await used(ada)).toBe(0);
  });

  it('takes a thumbnail that is a small image of the same user', async () => {
    const thumbnail = await upload(ada, png(64, 64, unique('t')));
    const file = await upload(ada, noise(10), { thumbnail_id: thumbnail.id });
    expect(file.thumbnail_id).toBe(thumbnail.id);
    const others = await upload(bob, png(64, 64, unique('t')));
    const large = await upload(ada, png(2000, 64, unique('t')));
    const text = await upload(ada, 'no image');
    for (const thumbnail_id of [others.id, large.id, text.id, newId('file')]) {
      expect(await code(await uploadRaw(ada, noise(10), { thumbnail_id }))).toEqual([422, 'invalid']);
    }
  });

  it('is as large as its workspace takes, which may be more than elsewhere, or less', async () => {
    const { token } = ada;
    const { id: workspace_id } = await expectJson(Workspace, 201, '/api/workspaces', {
      token,
      body: { name: 'Reels' },
    });
    const path = `/api/workspaces/${workspace_id}`;
    const taken = async (size: number) =>
      (await request('/api/files', { token, body: { name: 'x', size, workspace_id } })).status;
    expect([await taken(LIMITS.fileBytes), await taken(LIMITS.fileBytes + 1)]).toEqual([201, 413]);
    await expectJson(Workspace, 200, path, { token, method: 'PUT', body: { max_file_bytes: LIMITS.fileBytes * 2 } });
    expect([await taken(LIMITS.fileBytes * 2), await taken(LIMITS.fileBytes * 2 + 1)]).toEqual([201, 413]);
    await expectJson(Workspace, 200, path, { token, method: 'PUT', body: { max_file_bytes: 10 } });
    expect(await code(await uploadRaw(ada, noise(11), { workspace_id }))).toEqual([413, 'too_large']);
    expect((await uploadRaw(ada, noise(10), { workspace_id })).status).toBe(201);
    expect((await uploadRaw(ada, noise(11))).status).toBe(201);
    await expectJson(Workspace, 200, path, { token, method: 'PUT', body: { max_file_bytes: null } });
    expect(await taken(LIMITS.fileBytes)).toBe(201);
  });

  it('is limited in size, and by what the user may store', async () => {
    const before = await stored();
    const announced = { name: 'x', size: LIMITS.fileBytes + 1 };
    const tooLarge = await request('/api/files', { token: ada.token, body: announced });
    expect(await code(tooLarge)).toEqual([413, 'too_large']);
    await env.DB.prepare('INSERT INTO file_usage VALUES (?, ?)')
      .bind(ada.id, 10 * 1024 ** 3 - 10)
      .run();
    expect(await code(await uploadRaw(ada, noise(11)))).toEqual([413, 'quota_exceeded']);
    const begun = await request('/api/files', { token: ada.token, body: { name: 'x', size: 11 } });
    expect(await code(begun)).toEqual([413, 'quota_exceeded']);
    await upload(ada, noise(10));
    expect(await code(await uploadRaw(ada, noise(1)))).toEqual([413, 'quota_exceeded']);
    expect(await stored()).toHaveLength(before.length + 1);
  });

  it('does not take more than is left when many come at once', async () => {
    await env.DB.prepare('INSERT INTO file_usage VALUES (?, ?)')
      .bind(ada.id, 10 * 1024 ** 3 - 300)
      .run();
    const answers = await Promise.all(Array.from({ length: 8 }, () => uploadRaw(ada, noise(100))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 413, 413, 413, 413, 413]);
    for (const answer of answers) await answer.body?.cancel();
  });
});

describe('an upload in parts', () => {
  it('goes on where it stopped', async () => {
    const bytes = noise(PART + 1000);
    const begun = await begin(ada, { size: bytes.byteLength, sha256: await sha256(bytes) });
    expect(begun).toMatchObject({ part_size: PART, part_count: 2, parts: [] });
    const last = await putPart(ada, begun.id, 2, bytes.slice(PART));
    expect(last).toEqual({ number: 2, size: 1000, sha256: await sha256(bytes.slice(PART)) });
    const early = await request(`/api/files/${begun.id}/complete`, { method: 'POST', token: ada.token });
    expect(await code(early)).toEqual([409, 'conflict']);
    // Another device, or the same one after a crash, asks what is there.
    const found = await expectJson(Upload, 200, `/api/files/${begun.id}/upload`, { token: ada.token });
    expect(found.parts).toEqual([last]);
    await putPart(ada, begun.id, 1, bytes.slice(0, PART));
    const file = await complete(ada, begun.id);
    expect(file).toMatchObject({ id: begun.id, size: bytes.byteLength, sha256: await sha256(bytes) });
    expect(await complete(ada, begun.id)).toEqual(file);
    expect(await bytesOf(await content(ada, file.id))).toEqual(bytes);
    expect(await used(ada)).toBe(bytes.byteLength);
    const over = await request(`/api/files/${begun.id}/upload`, { token: ada.token });
    expect(await code(over)).toEqual([404, 'not_found']);
  });

  it('takes a part again; the last one counts', async () => {
    const { id } = await begin(ada, { size: 5 });
    await putPart(ada, id, 1, 'wrong');
    await putPart(ada, id, 1, 'right');
    await complete(ada, id);
    expect(await (await content(ada, id)).text()).toBe('right');
  });

  it('refuses parts of another size, number, user or upload', async () => {
    const { id } = await begin(ada, { size: 5 });
    const put = async (who: Account, number: number | string, raw: BodyInit, file = id) =>
      code(await request(`/api/files/${file}/parts/${number}`, { method: 'PUT', token: who.token, raw }));
    expect(await put(ada, 1, 'long one')).toEqual([422, 'invalid']);
    expect(await put(ada, 1, 'shrt')).toEqual([422, 'invalid']);
    expect(await put(ada, 2, 'right')).toEqual([422, 'invalid']);
    expect(await put(ada, 0, 'right')).toEqual([404, 'not_found']);
    expect(await put(ada, 1, 'right', newId('file'))).toEqual([404, 'not_found']);
    expect(await put(bob, 1, 'right')).toEqual([404, 'not_found']);
    for (const path of ['upload', 'complete']) {
      const method = path === 'complete' ? 'POST' : 'GET';
      expect(await code(await request(`/api/files/${id}/${path}`, { method, token: bob.token }))).toEqual([
        404,
        'not_found',
      ]);
    }
  });

  it('that does not have the announced checksum is gone', async () => {
    const before = await stored();
    const { id } = await begin(ada, { size: 5, sha256: '0'.repeat(64) });
    await putPart(ada, id, 1, 'wrong');
    const done = await request(`/api/files/${id}/complete`, { method: 'POST', token: ada.token });
    expect(await code(done)).toEqual([422, 'invalid']);
    const again = await request(`/api/files/${id}/complete`, { method: 'POST', token: ada.token });
    expect(await code(again)).toEqual([404, 'not_found']);
    expect(await stored()).toEqual(before);
    expect(await used(ada)).toBe(0);
  });

  it('may be completed twice at once', async () => {
    const { id } = await begin(ada, { size: 5 });
    await putPart(ada, id, 1, 'right');
    const answers = await Promise.all([1, 2, 3].map(() => complete(ada, id)));
    expect(new Set(answers.map((file) => JSON.stringify(file))).size).toBe(1);
    expect(await used(ada)).toBe(5);
  });

  it('may be given up, and is dropped when it takes too long', async () => {
    const given = await begin(ada, { size: 5 });
    const late = await begin(ada, { size: 7 });
    await putPart(ada, late.id, 1, 'too lat');
    expect(await used(ada)).toBe(12);
    const path = `/api/files/${given.id}/upload`;
    expect((await request(path, { method: 'DELETE', token: ada.token })).status).toBe(204);
    expect(await code(await request(path, { method: 'DELETE', token: ada.token }))).toEqual([404, 'not_found']);
    expect(await used(ada)).toBe(7);
    await sweepFiles(env, Date.now() + DAY_MS + 1000);
    expect(await used(ada)).toBe(0);
    const rows = await env.DB.prepare('SELECT count(*) AS n FROM upload_parts WHERE file_id = ?').bind(late.id).first();
    expect(rows).toEqual({ n: 0 });
  });
});

describe('a content', () => {
  it('is kept once for a user, and once for a workspace', async () => {
    const workspace = await api<{ id: string }>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
    const workspace_id = workspace.body.id;
    const members = `/api/workspaces/${workspace_id}/members`;
    await request(members, { token: ada.token, body: { user_ids: [bob.id] } });
    const bytes = noise(1000);
    const before = (await stored()).length;
    const files = [await upload(ada, bytes), await upload(ada, bytes, { name: 'again' })];
    expect((await stored()).length).toBe(before + 1);
    for (const who of [ada, bob]) files.push(await upload(who, bytes, { workspace_id }));
    expect((await stored()).length).toBe(before + 2);
    const inParts = await begin(bob, { size: 1000, workspace_id });
    await putPart(bob, inParts.id, 1, bytes);
    files.push(await complete(bob, inParts.id));
    expect((await stored()).length).toBe(before + 2);
    expect(new Set(files.map(({ id }) => id)).size).toBe(5);
    // Each counts against its uploader: what is shared is our gain, not theirs.
    expect(await used(ada)).toBe(3000);
    const own = await content(bob, inParts.id);
    expect(await bytesOf(own)).toEqual(bytes);
    // Knowing what somebody else's file contains, or its hash, gives nobody anything.
    expect(await code(await content(bob, files[0]?.id ?? ''))).toEqual([404, 'not_found']);
  });

  it('of a workspace is for its members to upload', async () => {
    const workspace = await api<{ id: string }>('/api/workspaces', { token: ada.token, body: { name: 'W' } });
    const answer = await uploadRaw(bob, noise(10), { workspace_id: workspace.body.id });
    expect(await code(answer)).toEqual([404, 'not_found']);
  });
});

describe('a file in a conversation', () => {
  it('is fetched by its members as long as they are, and as long as the message is', async () => {
    const eve = await signUp();
    const chat = await groupOf(ada, bob);
    const file = await upload(ada, noise(1000));
    const path = `/api/chats/${chat}/files/${file.id}`;
    const fetch = (who: Account) => request(path, { token: who.token });
    // Before it is sent only its uploader has it.
    expect(await code(await fetch(bob))).toEqual([404, 'not_found']);
    const { ticket } = await ticketFor(ada, chat, { file_id: file.id });
    expect(ticket.split('.')).toHaveLength(3);
    expect(await code(await fetch(bob))).toEqual([404, 'not_found']);
    await send(ada, chat, file.id);
    const got = await fetch(bob);
    expect(got.status).toBe(200);
    expect((await bytesOf(got)).byteLength).toBe(1000);
    const etag = { 'if-none-match': `"${file.sha256}"` };
    expect((await request(path, { token: bob.token, headers: etag })).status).toBe(304);
    expect(await code(await fetch(eve))).toEqual([404, 'not_found']);
    expect(await code(await request(`/api/files/${file.id}/content`, { token: bob.token }))).toEqual([
      404,
      'not_found',
    ]);
    // Another conversation of theirs is no way to it.
    const other = await groupOf(bob, eve);
    expect(await code(await request(`/api/chats/${other}/files/${file.id}`, { token: bob.token }))).toEqual([
      404,
      'not_found',
    ]);
    await request(`/api/chats/${chat}/members/${bob.id}`, { method: 'DELETE', token: ada.token });
    expect(await code(await fetch(bob))).toEqual([404, 'not_found']);
    // Not even to learn that what they hold is still right.
    expect((await request(path, { token: bob.token, headers: etag })).status).toBe(404);
    await unsend(chat, file.id);
    expect(await code(await fetch(ada))).toEqual([404, 'not_found']);
    expect((await content(ada, file.id)).status).toBe(200);
  });

  it('is forwarded by those who see it, to where they are', async () => {
    const eve = await signUp();
    const from = await groupOf(ada, bob);
    const to = await groupOf(bob, eve);
    const file = await upload(ada, noise(100));
    const ticket = (who: Account, chat: string, body: object) =>
      request(`/api/chats/${chat}/files`, { token: who.token, body });
    expect(await code(await ticket(bob, to, { file_id: file.id }))).toEqual([404, 'not_found']);
    expect(await code(await ticket(bob, to, { file_id: file.id, from_chat_id: from }))).toEqual([404, 'not_found']);
    await send(ada, from, file.id);
    expect(await code(await ticket(bob, to, { file_id: file.id }))).toEqual([404, 'not_found']);
    expect(await code(await ticket(eve, to, { file_id: file.id, from_chat_id: from }))).toEqual([404, 'not_found']);
    expect(await code(await ticket(ada, to, { file_id: file.id }))).toEqual([404, 'not_found']);
    const forwarded = await ticketFor(bob, to, { file_id: file.id, from_chat_id: from });
    expect(forwarded.file).toEqual(file);
    await send(bob, to, file.id);
    expect((await request(`/api/chats/${to}/files/${file.id}`, { token: eve.token })).status).toBe(200);
  });

  it('needs a place in a public channel', async () => {
    const body = { type: 'PublicChannel', name: 'Public', members: [] };
    const channel = await expectJson(Chat, 201, '/api/chats', { token: ada.token, body });
    const file = await upload(bob, noise(100));
    const refused = await request(`/api/chats/${channel.id}/files`, { token: bob.token, body: { file_id: file.id } });
    expect(await code(refused)).toEqual([403, 'forbidden']);
  });
});

describe('the sweep', () => {
  const exists = async (account: Account, id: string) => (await content(account, id)).status === 200;

  it('drops what was never sent, with its content, and frees its space', async () => {
    const { id } = await upload(ada, noise(100));
    const before = (await stored()).length;
    await sweepFiles(env, Date.now() + DAY_MS - 60_000);
    expect(await exists(ada, id)).toBe(true);
    await sweepFiles(env, Date.now() + DAY_MS + 60_000);
    expect(await exists(ada, id)).toBe(false);
    expect((await stored()).length).toBeLessThan(before);
    expect(await used(ada)).toBe(0);
  });

  it('keeps a content that another file has', async () => {
    const bytes = noise(100);
    const chat = await groupOf(ada, bob);
    const [orphan, sent] = [await upload(ada, bytes), await upload(ada, bytes)];
    await ticketFor(ada, chat, { file_id: sent.id });
    await sweepFiles(env, Date.now() + DAY_MS + 60_000);
    expect([await exists(ada, orphan.id), await exists(ada, sent.id)]).toEqual([false, true]);
    expect(await bytesOf(await content(ada, sent.id))).toEqual(bytes);
  });

  it('keeps what may still be sent, and what was sent as long as a message carries it', async () => {
    const chat = await groupOf(ada, bob);
    const other = await groupOf(ada, bob);
    const thumbnail = await upload(ada, png(10, 10, unique('t')));
    const file = await upload(ada, noise(100), { thumbnail_id: thumbnail.id });
    const unused = await upload(ada, noise(100));
    for (const one of [file, unused]) {
      await ticketFor(ada, chat, { file_id: one.id });
      await ticketFor(ada, other, { file_id: one.id });
    }
    const all = async () => Promise.all([file, thumbnail, unused].map(({ id }) => exists(ada, id)));
    let now = Date.now() + TICKET_TTL_MS;
    await sweepFiles(env, now);
    expect(await all()).toEqual([true, true, true]);
    await send(ada, chat, file.id);
    await send(ada, chat, thumbnail.id);
    now += DAY_MS + 60_000;
    await sweepFiles(env, now);
    expect(await all()).toEqual([true, true, false]);
    now += 31 * DAY_MS;
    await sweepFiles(env, now);
    expect(await all()).toEqual([true, true, false]);
    await unsend(chat, file.id);
    await unsend(chat, thumbnail.id);
    now += 31 * DAY_MS;
    await sweepFiles(env, now);
    expect(await all()).toEqual([false, false, false]);
    expect(await used(ada)).toBe(0);
  });
});
