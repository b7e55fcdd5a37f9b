import { beforeAll, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { parseFrames } from '../../src/wire/parse.ts';
import { type Account, api, signUp, unique } from '../support/api.ts';
import { newUsers } from '../support/objects.ts';

/* Every limit of the table: what lies at its edge is taken, one more is refused with the right code. */

let ada: Account;
let ben: Account;
let chat: string;

beforeAll(async () => {
  [ada, ben] = [await signUp(), await signUp()];
  const body = { type: 'Group', name: 'Limits', members: [ben.id] };
  chat = (await api<{ id: string }>('/api/chats', { token: ada.token, body })).body.id;
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
    // They do not exist, which is looked at after their number.
    try: async (count) => {
      const body = { user_ids: newUsers(count) };
      const answer = await api<{ detail: string }>(`/api/chats/${chat}/members`, { token: ada.token, body });
      return /too big|at most|<=/i.test(answer.body.detail) ? 'too many' : 'looked at';
    },
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
  unreadMentions: 'test/inbox/rows.test.ts',
  reactionsPerMessage: 'test/conversation: reactions',
  pinsPerChat: 'test/conversation: pins',
  editsPerMessage: 'test/conversation: edits',
  retentionSeconds: 'test/conversation: retention',
  scheduledPerMember: 'test/conversation: scheduled',
  scheduleSeconds: 'test/conversation: scheduled',
  requestTextLength: 'test/friends',
  requestSourceLength: 'test/friends',
  friends: 'test/friends',
  friendRequests: 'test/friends',
  blocks: 'test/friends',
  friendGroups: 'test/friends',
  searchQueryLength: 'test/conversation/search.test.ts',
  searchChats: 'test/conversation/search.test.ts',
  pageDefault: 'test/conversation/pages.test.ts',
  syncPageDefault: 'test/inbox/timeline.test.ts',
  syncBytes: 'test/inbox/gather.test.ts',
  resetAfter: 'test/conversation/pages.test.ts',
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
