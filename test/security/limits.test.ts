import { env } from 'cloudflare:workers';
import { beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { readPage } from '../../src/previews/page.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { parseFrames } from '../../src/wire/parse.ts';
import { type Account, api, signUp, unique } from '../support/api.ts';
import { png, ticketFor, upload } from '../support/files.ts';
import { newUsers } from '../support/objects.ts';

/* Every limit of the table: what lies at its edge is taken, one more is refused with the right code. */

let ada: Account;
let ben: Account;
let chat: string;
let workspace: string;
/** A conversation in which nothing else is tried. */
let timed: string;

beforeAll(async () => {
  [ada, ben] = [await signUp(), await signUp()];
  const body = { type: 'Group', name: 'Limits', members: [ben.id] };
  chat = (await api<{ id: string }>('/api/chats', { token: ada.token, body })).body.id;
  timed = (await api<{ id: string }>('/api/chats', { token: ada.token, body })).body.id;
  const named = { token: ada.token, body: { name: 'Limits' } };
  workspace = (await api<{ id: string }>('/api/workspaces', named)).body.id;
});

interface Case {
  /** Tries with a size or a count; gives the HTTP status, or the code of an error on a socket. */
  try(amount: number): Promise<number | string> | number | string;
  taken: number | string;
  refused: number | string;
  /** The limit is the least, not the most. */
  least?: true;
}

const post = async (path: string, body: unknown, method = 'POST', token = ada.token): Promise<number> =>
  (await api(path, { method, token, body })).status;
const get = async (path: string): Promise<number> => (await api(path, { token: ada.token })).status;
const codeOf = (text: string): string => parseFrames(text).errors[0]?.code ?? 'none';
const password = (length: number) =>
  post('/api/auth/signup', { fullname: 'A', email: `${unique('p')}@example.com`, password: 'p'.repeat(length) });

const DAY_MS = 24 * 60 * 60 * 1000;
const list = <T>(length: number, item: (index: number) => T): T[] => Array.from({ length }, (_, index) => item(index));
const send = (message: object) => post(`/api/chats/${chat}/messages`, { content: '', ...message });
const setChat = (patch: object) => post(`/api/chats/${chat}`, patch, 'PUT');
const setWorkspace = (patch: object) => post(`/api/workspaces/${workspace}`, patch, 'PUT');
const invite = (how: object) => post(`/api/workspaces/${workspace}/invitations`, how);
const inviteHere = (how: object) => post(`/api/chats/${chat}/invitations`, how);
const retain = (patch: object) => post(`/api/chats/${timed}/retention`, patch, 'PUT');
const soon = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
const begin = (file: object) => post('/api/files', { name: 'f', size: 1, ...file });
/** What is named does not exist, which is looked at after its size: whether the schema or what comes behind it refused. */
async function looksAt(path: string, body: unknown, method = 'POST'): Promise<string> {
  const answer = await api<{ detail: string }>(path, { method, token: ada.token, body });
  return /too big|at most|<=/i.test(answer.body.detail) ? 'too many' : 'looked at';
}
/** Objects within each other, the outermost one counted. */
const nested = (depth: number): object => (depth === 1 ? {} : { a: nested(depth - 1) });
const asThumbnail = async (image: Uint8Array<ArrayBuffer>): Promise<number> =>
  begin({ about: { thumbnail_id: (await upload(ada, image)).id } });
/** How a text of this length comes out of a page. */
const previewed = async (length: number, page: (text: string) => string) => {
  const { title = '', description = title } = await readPage(new Response(page('x'.repeat(length))));
  return description.endsWith('…') ? 'cut' : 'whole';
};

const CASES: Partial<Record<keyof typeof LIMITS, Case>> = {
  frameBytes: {
    try: (bytes) => codeOf(JSON.stringify({ t: 'auth', token: 'x' }).padEnd(bytes)),
    taken: 'none',
    refused: 'too_large',
  },
  framesPerMessage: {
    try: (count) => codeOf(JSON.stringify(Array.from({ length: count }, () => ({ t: 'typing', chat_id: chat })))),
    taken: 'none',
    refused: 'too_large',
  },
  contentBytes: {
    // Of three bytes each, so that characters are not mistaken for bytes.
    try: (bytes) =>
      post(`/api/chats/${chat}/messages`, { content: '好'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3) }),
    taken: 201,
    refused: 422,
  },
  mentionsPerMessage: {
    try: (count) =>
      post(`/api/chats/${chat}/messages`, { content: 'x', mentions: Array.from({ length: count }, () => ben.id) }),
    taken: 201,
    refused: 422,
  },
  entitiesPerMessage: {
    try: (count) =>
      send({ content: 'x'.repeat(count), entities: list(count, (offset) => ({ type: 'bold', offset, length: 1 })) }),
    taken: 201,
    refused: 422,
  },
  filesPerMessage: {
    try: async (count) => {
      const files: string[] = [];
      for (let i = 0; i < count; i++) {
        const { id } = await upload(ada, unique('file'));
        files.push((await ticketFor(ada, chat, { file_id: id })).ticket);
      }
      return send({ kind: 'file', files });
    },
    taken: 201,
    refused: 422,
  },
  ticketLength: {
    try: (length) => looksAt(`/api/chats/${chat}/messages`, { kind: 'file', content: '', files: ['x'.repeat(length)] }),
    taken: 'looked at',
    refused: 'too many',
  },
  urlLength: {
    try: (length) =>
      send({
        content: 'x',
        entities: [{ type: 'link', offset: 0, length: 1, url: 'https://example.com/'.padEnd(length, 'x') }],
      }),
    taken: 201,
    refused: 422,
  },
  quoteLength: {
    try: async (length) => {
      const body = { content: 'x'.repeat(1000) };
      const said = await api<{ seq: number }>(`/api/chats/${chat}/messages`, { token: ada.token, body });
      return send({ content: 'x', reply_to: said.body.seq, quote: { offset: 0, length } });
    },
    taken: 201,
    refused: 422,
  },
  addressLength: {
    try: (length) => send({ kind: 'location', location: { latitude: 0, longitude: 0, address: 'x'.repeat(length) } }),
    taken: 201,
    refused: 422,
  },
  contactEntries: {
    try: async (count) => {
      const phones = await send({ kind: 'contact', contact: { name: 'x', phones: list(count, (i) => `+49 ${i}0`) } });
      const emails = list(count, (i) => `a${i}@example.com`);
      const both = [phones, await send({ kind: 'contact', contact: { name: 'x', emails } })];
      return both.join();
    },
    taken: '201,201',
    refused: '422,422',
  },
  pollOptions: {
    try: (count) => send({ kind: 'poll', content: 'x', poll: { options: list(count, String) } }),
    taken: 201,
    refused: 422,
  },
  pollOptionLength: {
    try: (length) => send({ kind: 'poll', content: 'x', poll: { options: ['a', 'b'.repeat(length)] } }),
    taken: 201,
    refused: 422,
  },
  customBytes: {
    try: (bytes) =>
      send({ kind: 'custom', custom: { type: 'com.example.x', data: { a: 'x'.repeat(bytes - '{"a":""}'.length) } } }),
    taken: 201,
    refused: 422,
  },
  customDepth: {
    try: (depth) => send({ kind: 'custom', custom: { type: 'com.example.x', data: nested(depth) } }),
    taken: 201,
    refused: 422,
  },
  previewTitleLength: {
    try: (length) => previewed(length, (text) => `<head><title>${text}</title></head>`),
    taken: 'whole',
    refused: 'cut',
  },
  previewDescriptionLength: {
    try: (length) => previewed(length, (text) => `<head><meta name="description" content="${text}"></head>`),
    taken: 'whole',
    refused: 'cut',
  },
  statusLength: {
    try: (length) => post('/api/users/me/status', { text: 'x'.repeat(length) }, 'PUT'),
    taken: 200,
    refused: 422,
  },
  topicLength: { try: (length) => setChat({ topic: 'x'.repeat(length) }), taken: 200, refused: 422 },
  chatAvatarLength: {
    try: (length) => setChat({ avatar: 'https://example.com/'.padEnd(length, 'x') }),
    taken: 200,
    refused: 422,
  },
  announcementLength: {
    try: (length) => post(`/api/chats/${chat}/announcement`, { text: 'x'.repeat(length) }, 'PUT'),
    taken: 200,
    refused: 422,
  },
  nicknameLength: {
    try: (length) => post(`/api/chats/${chat}/members/${ben.id}`, { nickname: 'x'.repeat(length) }, 'PUT'),
    taken: 200,
    refused: 422,
  },
  remarkLength: {
    try: async (length) => {
      const cyd = await signUp();
      await post(`/api/chats/${chat}/members`, { user_ids: [cyd.id] });
      return post(`/api/chats/${chat}/bans/${cyd.id}`, { reason: 'x'.repeat(length) }, 'PUT');
    },
    taken: 200,
    refused: 422,
  },
  slowModeMax: { try: (seconds) => setChat({ slow_mode: seconds }), taken: 200, refused: 422 },
  workspaceFileBytes: { try: (bytes) => setWorkspace({ max_file_bytes: bytes }), taken: 200, refused: 422 },
  retentionDays: { try: (days) => setWorkspace({ retention_days: days }), taken: 200, refused: 422 },
  retentionSeconds: {
    try: async (seconds) => {
      const body = { edit_window: seconds, recall_window: seconds };
      return [await post(`/api/chats/${chat}/retention`, body, 'PUT'), await retain({ message_timer: seconds })].join();
    },
    taken: '200,200',
    refused: '422,422',
  },
  scheduledPerMember: {
    try: async (count) => {
      const { body } = await api<{ id: string }>('/api/chats', {
        token: ada.token,
        body: { type: 'Group', name: 'Later', members: [] },
      });
      const later = (name: number) =>
        post(`/api/chats/${body.id}/scheduled/m${name}`, { send_at: soon(3600), message: { content: 'x' } }, 'PUT');
      for (let i = 1; i < count; i++) await later(i);
      return later(count);
    },
    taken: 200,
    refused: 409,
  },
  scheduleSeconds: {
    // A minute more, for the time until it is looked at.
    try: (seconds) => {
      const send_at = soon(seconds + (seconds > LIMITS.scheduleSeconds ? 60 : 0));
      return post(`/api/chats/${chat}/scheduled/ahead`, { send_at, message: { content: 'x' } }, 'PUT');
    },
    taken: 200,
    refused: 422,
  },
  requestTextLength: {
    try: (length) => post('/api/friend-requests', { user_id: ben.id, text: 'x'.repeat(length) }),
    taken: 200,
    refused: 422,
  },
  requestSourceLength: {
    try: (length) => post('/api/friend-requests', { user_id: ben.id, source: 'x'.repeat(length) }),
    taken: 200,
    refused: 422,
  },
  searchQueryLength: {
    try: async (length) => {
      const query = `q=${'x'.repeat(length)}`;
      return [await get(`/api/chats/${chat}/search?${query}`), await get(`/api/search?${query}`)].join();
    },
    taken: '200,200',
    refused: '422,422',
  },
  storagePerUser: {
    // The rest is taken already.
    try: async (bytes) => {
      const cyd = await signUp();
      await env.DB.prepare('INSERT INTO file_usage VALUES (?, ?)')
        .bind(cyd.id, bytes - 1)
        .run();
      return post('/api/files', { name: 'f', size: 1 }, 'POST', cyd.token);
    },
    taken: 201,
    refused: 413,
  },
  storagePerWorkspace: {
    try: async (bytes) => {
      const named = { token: ada.token, body: { name: 'Full' } };
      const { body } = await api<{ id: string }>('/api/workspaces', named);
      await env.DB.prepare('INSERT INTO file_usage VALUES (?, ?)')
        .bind(body.id, bytes - 1)
        .run();
      return begin({ workspace_id: body.id });
    },
    taken: 201,
    refused: 413,
  },
  defaultChats: {
    try: (count) =>
      looksAt(`/api/workspaces/${workspace}`, { default_chat_ids: list(count, () => newId('chat')) }, 'PUT'),
    taken: 'looked at',
    refused: 'too many',
  },
  invitationUses: {
    try: async (uses) => [await invite({ max_uses: uses }), await inviteHere({ max_uses: uses })].join(),
    taken: '201,201',
    refused: '422,422',
  },
  invitationDays: {
    // A minute less, for the time until it is looked at.
    try: (days) => invite({ expires_at: new Date(Date.now() + days * DAY_MS - 60_000).toISOString() }),
    taken: 201,
    refused: 422,
  },
  fileBytes: { try: (size) => begin({ size }), taken: 201, refused: 413 },
  fileNameLength: { try: (length) => begin({ name: 'x'.repeat(length) }), taken: 201, refused: 422 },
  waveformSamples: {
    try: (samples) => begin({ about: { waveform: 'A'.repeat(Math.ceil((samples * 4) / 3)) } }),
    taken: 201,
    refused: 422,
  },
  imageSide: {
    // As it is said, and as the image itself says.
    try: async (side) => {
      const { inline } = await upload(ada, png(side, 1, unique('i')));
      return `${await begin({ about: { width: side, height: 1 } })} ${inline}`;
    },
    taken: '201 true',
    refused: '422 false',
  },
  thumbnailSide: { try: (side) => asThumbnail(png(1, side, unique('t'))), taken: 201, refused: 422 },
  thumbnailBytes: {
    try: (bytes) => asThumbnail(png(1, 1, unique('t').padEnd(bytes - png(1, 1).byteLength))),
    taken: 201,
    refused: 422,
  },
  nameLength: {
    try: (length) => post('/api/chats', { type: 'Group', name: 'n'.repeat(length), members: [] }),
    taken: 201,
    refused: 422,
  },
  fullnameLength: {
    try: (length) => post('/api/users/me', { fullname: 'n'.repeat(length) }, 'PUT'),
    taken: 200,
    refused: 422,
  },
  descriptionLength: {
    try: (length) => post('/api/workspaces', { name: 'W', description: 'd'.repeat(length) }),
    taken: 201,
    refused: 422,
  },
  passwordMin: { try: password, taken: 201, refused: 422, least: true },
  passwordMax: { try: password, taken: 201, refused: 422 },
  membersPerRequest: {
    try: (count) => looksAt(`/api/chats/${chat}/members`, { user_ids: newUsers(count) }),
    taken: 'looked at',
    refused: 'too many',
  },
  pageMax: { try: (limit) => get(`/api/chats/${chat}/events?limit=${limit}`), taken: 200, refused: 422 },
  syncPageMax: { try: (limit) => get(`/api/sync?limit=${limit}`), taken: 200, refused: 422 },
  syncChatsPerRequest: {
    try: (count) =>
      post('/api/sync', { chats: Object.fromEntries(Array.from({ length: count }, () => [newId('chat'), 0])) }),
    taken: 200,
    refused: 422,
  },
};

/** Limits that do not refuse but shape an answer, or that their own feature tests at the edge. */
const ELSEWHERE: Partial<Record<keyof typeof LIMITS, string>> = {
  unreadMentions: 'test/conversation/send.test.ts',
  notifications: 'test/inbox/notifications.test.ts',
  mentionNotifications: 'test/conversation/send.test.ts',
  reactionsPerMessage: 'test/conversation/changes.test.ts',
  pinsPerChat: 'test/conversation/changes.test.ts',
  editsPerMessage: 'test/conversation/changes.test.ts',
  friends: 'test/friends/friends.test.ts',
  friendRequests: 'test/friends/friends.test.ts',
  blocks: 'test/friends/friends.test.ts',
  friendGroups: 'test/friends/friends.test.ts',
  searchChats: 'the latest ones are searched; none is refused',
  pageDefault: 'test/conversation/pages.test.ts',
  syncPageDefault: 'test/inbox/timeline.test.ts',
  syncBytes: 'test/inbox/gather.test.ts',
  pageBytes: 'test/conversation/bounds.test.ts, test/inbox/bounds.test.ts',
  serverMessageBytes: 'test/conversation/bounds.test.ts, test/inbox/bounds.test.ts',
  resetAfter: 'test/conversation/pages.test.ts',
  savedMessages: 'test/inbox/kept.test.ts',
  drafts: 'test/inbox/kept.test.ts',
  presencePeers: 'test/inbox/presence.test.ts',
  workspaceInvitations: 'test/routes/contract-cases.ts: createWorkspaceInvitation',
  openRequests: 'test/conversation/people.test.ts',
  invitations: 'test/conversation/people.test.ts',
  previewMessages: 'test/conversation/people.test.ts',
  filePartBytes: 'test/routes/files.test.ts',
  typingTimeoutMs: 'kept to by clients; what a room passes on: test/conversation/signs.test.ts',
  socketsPerUser: 'test/security/rates.strict.test.ts',
};

it('every limit has its case (add new ones to CASES)', () => {
  const names = Object.keys(LIMITS);
  expect(names.filter((name) => !(name in CASES) && !(name in ELSEWHERE))).toEqual([]);
});

it.each(Object.entries(CASES))('%s', async (name, one) => {
  const limit = Number(Reflect.get(LIMITS, name));
  const beyond = one.least ? limit - 1 : limit + 1;
  expect([limit, await one.try(limit)]).toEqual([limit, one.taken]);
  expect([beyond, await one.try(beyond)]).toEqual([beyond, one.refused]);
});
