import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { database } from '../../src/db/client.ts';
import { newId } from '../../src/ids.ts';
import { issueCode, type Purpose } from '../../src/mail/codes.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { type Account, request, signIn, signUp, unique } from '../support/api.ts';
import { begin, complete, noise, putPart, upload } from '../support/files.ts';
import { roomOf } from '../support/objects.ts';

/* What the operations of the document answer, one entry for each: `contract.test.ts` makes the calls and judges. */

export interface Fixture {
  owner: Account;
  member: Account;
  stranger: Account;
  suspended: Account;
  group: string;
  workspace: string;
}
export interface Case {
  status: number;
  /** Whose token; null: none. The owner's without it. */
  as?: Account | null;
  path?: Record<string, string>;
  query?: string;
  body?: unknown;
  /** Sent as it is, in place of `body`. */
  raw?: BodyInit;
  headers?: Record<string, string>;
}

const created = async (path: string, account: Account, body: unknown): Promise<string> => {
  const response = await request(path, { token: account.token, body });
  const { id } = (await response.json()) as { id: string };
  return id;
};
/** Somebody to whom only friends may write. */
const closed = async (): Promise<string> => {
  const account = await signUp();
  await request('/api/users/me/privacy', { token: account.token, method: 'PUT', body: { messages: 'friends' } });
  return account.id;
};
/** Two new people who are friends. */
const newFriends = async (): Promise<[Account, Account]> => {
  const [one, two] = [await signUp(), await signUp()];
  await request('/api/friend-requests', { token: one.token, body: { user_id: two.id } });
  await request('/api/friend-requests', { token: two.token, body: { user_id: one.id } });
  return [one, two];
};
export const newGroup = ({ owner, member }: Fixture) =>
  created('/api/chats', owner, { type: 'Group', name: 'Group', members: [member.id] });
const newChannel = ({ owner }: Fixture) =>
  created('/api/chats', owner, { type: 'PublicChannel', name: 'Channel', members: [] });
const inAnHour = () => new Date(Date.now() + 60 * 60 * 1000).toISOString();
/** A channel into which one has to ask, and somebody who has. */
const askChannel = async ({ owner }: Fixture, asking?: Account): Promise<string> => {
  const id = await created('/api/chats', owner, { type: 'PublicChannel', name: 'Ask', join_policy: 'approval' });
  if (asking !== undefined) await request(`/api/chats/${id}/requests`, { token: asking.token, body: {} });
  return id;
};
const invite = async ({ owner, group }: Fixture, body: object = {}): Promise<{ id: string; code: string }> => {
  const response = await request(`/api/chats/${group}/invitations`, { token: owner.token, body });
  return (await response.json()) as { id: string; code: string };
};
const bannedFrom = async ({ owner, group }: Fixture): Promise<Account> => {
  const account = await signUp();
  await request(`/api/chats/${group}/members`, { token: owner.token, body: { user_ids: [account.id] } });
  await request(`/api/chats/${group}/bans/${account.id}`, { method: 'PUT', token: owner.token, body: {} });
  return account;
};
export const newWorkspace = async (f: Fixture) => {
  const id = await created('/api/workspaces', f.owner, { name: 'Workspace' });
  await request(`/api/workspaces/${id}/members`, { token: f.owner.token, body: { user_ids: [f.member.id] } });
  return id;
};
/** A poll of the owner's in a new group: its path. */
const newPoll = async (f: Fixture, fields: Record<string, unknown> = {}) => {
  const id = await newGroup(f);
  const body = { kind: 'poll', content: 'When?', poll: { options: ['six', 'seven'], ...fields } };
  const response = await request(`/api/chats/${id}/messages`, { token: f.owner.token, body });
  const { seq } = (await response.json()) as { seq: number };
  return { id, seq: `${seq}` };
};
const newSingle = ({ owner, member }: Fixture) =>
  created('/api/chats', owner, { type: 'Single', members: [member.id] });

/** The seq of a new message of the owner's in the group, as it stands in a path. */
const newMessage = async ({ owner, group }: Fixture, fields: Record<string, unknown> = {}): Promise<string> => {
  const body = { content: 'Hello', ...fields };
  const { seq } = (await (await request(`/api/chats/${group}/messages`, { token: owner.token, body })).json()) as {
    seq: number;
  };
  return `${seq}`;
};
const recalledMessage = async (f: Fixture): Promise<string> => {
  const seq = await newMessage(f);
  await request(`/api/chats/${f.group}/messages/${seq}`, { method: 'DELETE', token: f.owner.token });
  return seq;
};
/** A channel that the stranger sees and is not in. */
const outside = async (f: Fixture): Promise<Case> => ({
  status: 403,
  as: f.stranger,
  path: { id: await newChannel(f), seq: '1' },
});
/** What a change of a message without a body answers. */
const changeCases = async (f: Fixture, more: Record<string, string> = {}): Promise<Case[]> => {
  const path = { ...more, seq: await newMessage(f) };
  return [
    { status: 200, path },
    { status: 200, path },
    { status: 404, as: f.stranger, path },
    { status: 404, path: { ...more, seq: '999999' } },
    { status: 409, path: { ...more, seq: await recalledMessage(f) } },
    await outside(f),
  ];
};
/** A link into the workspace of the fixture, made by its owner. */
const newInvitation = async (f: Fixture): Promise<{ id: string; code: string }> => {
  const path = `/api/workspaces/${f.workspace}/invitations`;
  const response = await request(path, { token: f.owner.token, body: {} });
  return (await response.json()) as { id: string; code: string };
};
const newGuest = async (f: Fixture): Promise<Account> => {
  const guest = await signUp();
  const body = { user_ids: [guest.id], role: 'guest' };
  await request(`/api/workspaces/${f.workspace}/members`, { token: f.owner.token, body });
  return guest;
};
/** As many invitations as a workspace may have. */
const fillInvitations = (workspace: string, owner: string) =>
  env.DB.prepare(
    `INSERT INTO workspace_invitations (id, workspace_id, digest, role, created_by, created_at, expires_at)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${LIMITS.workspaceInvitations})
      SELECT 'filler' || i || ?1, ?1, 'filler' || i || ?1, 'member', ?2, 0, ?3 FROM n`,
  )
    .bind(workspace, owner, Date.now() + 3_600_000)
    .run();
export const suspend = (account: Account, status = 'Suspended') =>
  request(`/api/admin/users/${account.id}/status`, { method: 'PUT', token: env.ADMIN_TOKEN, body: { status } });
const sessionOf = (account: Account): string => {
  const [, payload = ''] = account.token.split('.');
  const { sid } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { sid: string };
  return sid;
};

const subscription = {
  endpoint: 'https://fcm.googleapis.com/fcm/send/contract',
  keys: { p256dh: `B${'A'.repeat(86)}`, auth: 'A'.repeat(22) },
};

/** As a mail would bring it. */
const codeOf = (account: Account, purpose: Purpose): Promise<string> =>
  issueCode(database(env), purpose, { id: account.id, email: account.email }, Date.now());

const contentCases = (path: Record<string, string>, sha256: string, stranger: Account): Case[] => [
  { status: 200, path },
  { status: 206, path, headers: { range: 'bytes=1-2' } },
  { status: 304, path, headers: { 'if-none-match': `"${sha256}"` } },
  { status: 404, as: stranger, path },
  { status: 412, path, headers: { 'if-match': '"other"' } },
  { status: 416, path, headers: { range: 'bytes=100-' } },
];

/** What an operation answers beyond the refusals that its declaration implies. Cases run in order. */
export const CASES: Record<string, (f: Fixture) => Promise<Case[]> | Case[]> = {
  signUp: ({ owner }) => {
    const body = { fullname: 'Ada', email: `${unique('a')}@example.com`, password: 'longer than eight' };
    return [
      { status: 201, as: null, body },
      { status: 409, as: null, body: { ...body, email: owner.email } },
    ];
  },
  signIn: ({ owner, suspended }) => [
    { status: 200, as: null, body: { email: owner.email, password: owner.password, device: 'Phone' } },
    { status: 401, as: null, body: { email: owner.email, password: 'not the password' } },
    { status: 403, as: null, body: { email: suspended.email, password: suspended.password } },
  ],
  refresh: async ({ owner, suspended }) => {
    const { refresh_token } = await signIn(owner);
    return [
      { status: 200, as: null, body: { refresh_token } },
      { status: 401, as: null, body: { refresh_token } },
      { status: 401, as: null, body: { refresh_token: 'no token' } },
      { status: 401, as: null, body: { refresh_token: owner.token } },
      { status: 403, as: null, body: { refresh_token: suspended.refresh_token } },
    ];
  },
  signOut: async ({ owner }) => {
    const as = await signIn(owner);
    return [
      { status: 204, as },
      { status: 401, as },
    ];
  },
  listSessions: () => [{ status: 200 }, { status: 200, query: 'limit=1' }],
  signOutEverywhere: async () => {
    const as = await signUp();
    return [
      { status: 204, as },
      { status: 401, as },
    ];
  },
  endSession: async ({ owner, stranger }) => {
    const path = { id: sessionOf(await signIn(owner)) };
    return [
      { status: 404, as: stranger, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  changePassword: async () => {
    const as = await signUp();
    const body = { current_password: as.password, new_password: 'another password' };
    return [
      { status: 204, as, body },
      { status: 401, as, body },
    ];
  },
  getEmailState: () => [{ status: 200 }],
  sendVerification: async () => [{ status: 204, as: await signUp() }],
  verifyEmail: async () => [
    { status: 200, as: null, body: { code: await codeOf(await signUp(), 'verify') } },
    { status: 422, as: null, body: { code: 'wrong' } },
    { status: 422, as: null, body: { code: '' } },
  ],
  forgotPassword: ({ owner }) => [
    { status: 204, as: null, body: { email: owner.email } },
    { status: 204, as: null, body: { email: `${unique('nobody')}@example.com` } },
    { status: 422, as: null, body: { email: 'ada' } },
  ],
  resetPassword: async () => [
    { status: 204, as: null, body: { code: await codeOf(await signUp(), 'reset'), new_password: 'another password' } },
    { status: 422, as: null, body: { code: 'wrong', new_password: 'another password' } },
    { status: 422, as: null, body: { code: 'wrong', new_password: 'short' } },
  ],
  getMe: () => [{ status: 200 }],
  updateMe: async () => {
    const taken = unique('taken');
    await signUp({ handle: taken });
    return [
      { status: 200, body: { handle: unique('h'), avatar: 'https://example.com/a.png', fullname: 'Ada' } },
      { status: 200, body: { avatar: null } },
      { status: 200, body: {} },
      { status: 409, body: { handle: taken } },
    ];
  },
  findUsers: ({ owner, member }) => [
    { status: 200, query: `email=${encodeURIComponent(member.email)}` },
    { status: 200, query: 'handle=nobody_has_this' },
    { status: 200, query: `ids=${owner.id},${member.id},${newId('usr')}` },
    { status: 422, query: 'ids=ada' },
    { status: 422 },
  ],
  getUser: ({ member }) => [{ status: 200, path: { id: member.id } }],
  getPresence: async ({ owner, member }) => [
    { status: 200, path: { id: owner.id } },
    { status: 404, path: { id: member.id } },
    ...(await newFriends()).map((as, index, pair) => ({ status: 200, as, path: { id: pair[1 - index]?.id ?? '' } })),
  ],
  listFriends: () => [{ status: 200 }, { status: 200, query: 'limit=1' }, { status: 422, query: 'cursor=bad' }],
  updateFriend: async (f) => {
    const [as, friend] = await newFriends();
    const path = { id: friend.id };
    const group = await created('/api/friend-groups', as, { name: 'Crew' });
    return [
      { status: 200, as, path, body: { remark: 'Captain', group_ids: [group, group] } },
      { status: 200, as, path, body: { remark: null } },
      { status: 404, path: { id: f.stranger.id }, body: { remark: 'No' } },
      { status: 422, as, path, body: { group_ids: [newId('fgr')] } },
      { status: 422, as, path, body: { remark: '' } },
    ];
  },
  removeFriend: async () => {
    const [as, friend] = await newFriends();
    const path = { id: friend.id };
    return [
      { status: 204, as, path },
      { status: 404, as, path },
    ];
  },
  listFriendRequests: () => [{ status: 200 }, { status: 422, query: 'cursor=bad' }],
  requestFriend: async (f) => {
    const [asked, shy, blocker] = [await signUp(), await signUp(), await signUp()];
    await request('/api/users/me/privacy', { token: shy.token, method: 'PUT', body: { friend_requests: 'nobody' } });
    await request(`/api/blocks/${f.owner.id}`, { token: blocker.token, method: 'PUT' });
    await request(`/api/blocks/${asked.id}`, { token: f.member.token, method: 'PUT' });
    return [
      { status: 200, body: { user_id: asked.id, text: 'Hello', source: 'search' } },
      { status: 200, body: { user_id: asked.id } },
      { status: 200, as: asked, body: { user_id: f.owner.id } },
      { status: 403, body: { user_id: shy.id } },
      { status: 403, body: { user_id: blocker.id } },
      { status: 404, body: { user_id: newId('usr') } },
      { status: 404, body: { user_id: f.suspended.id } },
      { status: 409, as: f.member, body: { user_id: asked.id } },
      { status: 422, body: { user_id: f.owner.id } },
      { status: 422, body: { user_id: asked.id, text: 'x'.repeat(257) } },
    ];
  },
  acceptFriendRequest: async ({ stranger }) => {
    const [as, asking] = [await signUp(), await signUp()];
    await request('/api/friend-requests', { token: asking.token, body: { user_id: as.id } });
    return [
      { status: 200, as, path: { id: asking.id } },
      { status: 200, as, path: { id: asking.id } },
      { status: 404, as, path: { id: stranger.id } },
    ];
  },
  declineFriendRequest: async () => {
    const [as, asking] = [await signUp(), await signUp()];
    await request('/api/friend-requests', { token: asking.token, body: { user_id: as.id } });
    return [
      { status: 204, as, path: { id: asking.id } },
      { status: 404, as, path: { id: asking.id } },
      { status: 404, as: asking, path: { id: as.id } },
    ];
  },
  listFriendGroups: () => [{ status: 200 }],
  createFriendGroup: () => [
    { status: 201, body: { name: 'Crew' } },
    { status: 422, body: { name: '' } },
  ],
  renameFriendGroup: async ({ owner, stranger }) => {
    const path = { id: await created('/api/friend-groups', owner, { name: 'Crew' }) };
    return [
      { status: 200, path, body: { name: 'Hands' } },
      { status: 404, as: stranger, path, body: { name: 'No' } },
    ];
  },
  deleteFriendGroup: async ({ owner, stranger }) => {
    const path = { id: await created('/api/friend-groups', owner, { name: 'Crew' }) };
    return [
      { status: 404, as: stranger, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  listBlocks: () => [{ status: 200 }, { status: 422, query: 'cursor=bad' }],
  blockUser: async ({ owner }) => {
    const path = { id: (await signUp()).id };
    return [
      { status: 200, path },
      { status: 200, path },
      { status: 404, path: { id: newId('usr') } },
      { status: 422, path: { id: owner.id } },
    ];
  },
  unblockUser: async ({ owner }) => {
    const path = { id: (await signUp()).id };
    await request(`/api/blocks/${path.id}`, { token: owner.token, method: 'PUT' });
    return [
      { status: 204, path },
      { status: 404, path },
    ];
  },
  setStatus: () => [
    { status: 200, body: { text: 'at sea', emoji: '🌊', busy: true, expires_at: '2099-01-01T00:00:00.000Z' } },
    { status: 200, body: {} },
    { status: 422, body: { text: 'gone', expires_at: '2020-01-01T00:00:00.000Z' } },
    { status: 422, body: { text: 'x'.repeat(101) } },
    { status: 422, body: { emoji: 'no emoji' } },
  ],
  clearStatus: () => [{ status: 204 }, { status: 204 }],
  getPrivacy: () => [{ status: 200 }],
  updatePrivacy: () => [
    { status: 200, body: { friend_requests: 'approval', messages: 'everyone', last_seen: 'everyone' } },
    { status: 200, body: {} },
    { status: 422, body: { messages: 'nobody' } },
  ],
  listChats: () => [{ status: 200 }, { status: 200, query: 'limit=1' }, { status: 422, query: 'cursor=bad' }],
  createChat: async (f) => [
    { status: 201, body: { type: 'Single', members: [(await signUp()).id] } },
    { status: 403, body: { type: 'Single', members: [await closed()] } },
    { status: 201, body: { type: 'Single', members: [f.member.id] } },
    { status: 200, body: { type: 'Single', members: [f.owner.id, f.member.id] } },
    { status: 200, as: f.member, body: { type: 'Single', members: [f.owner.id] } },
    { status: 201, body: { type: 'Group', members: [f.member.id, f.member.id] } },
    {
      status: 201,
      body: { type: 'PrivateChannel', name: 'Private', workspace_id: f.workspace, members: [f.member.id] },
    },
    { status: 201, body: { type: 'PublicChannel', name: 'Public' } },
    { status: 404, as: f.stranger, body: { type: 'Group', workspace_id: f.workspace } },
    { status: 404, body: { type: 'Group', workspace_id: newId('ws') } },
    { status: 422, body: { type: 'Group', workspace_id: f.workspace, members: [f.stranger.id] } },
    { status: 422, body: { type: 'Single', members: [f.owner.id] } },
    { status: 422, body: { type: 'Single', members: [f.member.id, f.stranger.id] } },
    { status: 422, body: { type: 'Single', members: [f.stranger.id], workspace_id: f.workspace } },
    { status: 422, body: { type: 'Single', members: [f.stranger.id], name: 'No' } },
    { status: 422, body: { type: 'Single', members: [f.suspended.id] } },
    { status: 422, body: { type: 'Group', members: [newId('usr')] } },
    { status: 422, body: { type: 'PublicChannel', members: [] } },
    { status: 422, body: { type: 'Party', members: [] } },
  ],
  getChat: async (f) => [
    { status: 200 },
    { status: 200, as: f.stranger, path: { id: await newChannel(f) } },
    { status: 404, as: f.stranger },
  ],
  updateChat: async ({ member, stranger, ...f }) => [
    { status: 200, body: { name: 'Renamed' } },
    {
      status: 200,
      body: {
        topic: 'Tides',
        avatar: 'https://example.com/a.png',
        slow_mode: 5,
        silenced: true,
        overrides: { pin: 'admin', add: 'owner' },
      },
    },
    {
      status: 200,
      body: { topic: null, avatar: null, slow_mode: 0, silenced: false, overrides: { pin: null, add: null } },
    },
    { status: 422, body: { join_policy: 'open' } },
    { status: 422, body: { overrides: { remove: 'member' } } },
    { status: 422, body: { overrides: { ban: 'member' } } },
    { status: 422, body: { slow_mode: -1 } },
    { status: 200, path: { id: await newGroup({ member, stranger, ...f }) }, body: { archived: true } },
    { status: 403, as: member, body: { name: 'Renamed' } },
    { status: 404, as: stranger, body: { name: 'Renamed' } },
  ],
  deleteChat: async (f) => {
    const path = { id: await newGroup(f) };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 204, path },
      { status: 404, path },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
    ];
  },
  setChatPreferences: ({ stranger }) => [
    { status: 200, body: { muted: true, pinned: true, archived: false } },
    { status: 200, body: { muted: false, notify: 'mentions' } },
    { status: 404, as: stranger, body: { muted: true } },
  ],
  listMembers: async (f) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 200, query: 'q=test&limit=5' },
    { status: 422, query: `q=test&after=${f.owner.id}` },
    { status: 404, as: f.stranger },
    { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
  ],
  getMember: async (f) => [
    { status: 200 },
    { status: 404, path: { user_id: f.stranger.id } },
    { status: 404, as: f.stranger },
    { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
  ],
  updateMember: async (f) => {
    const owner = { user_id: f.owner.id };
    return [
      { status: 200, body: { role: 'moderator', nickname: 'Mo', muted_until: inAnHour() } },
      { status: 200, body: { role: 'member', nickname: null, muted_until: null } },
      { status: 200, as: f.member, body: { nickname: 'Me' } },
      { status: 403, as: f.member, path: owner, body: { nickname: 'You' } },
      { status: 409, path: owner, body: { role: 'admin' } },
      { status: 422, body: { muted_until: '2020-01-01T00:00:00.000Z' } },
      { status: 422, body: { role: 'king' } },
      { status: 404, path: { user_id: f.stranger.id }, body: { role: 'admin' } },
      { status: 404, as: f.stranger, body: { nickname: 'No' } },
    ];
  },
  transferOwnership: async (f) => {
    const path = { id: await newGroup(f) };
    return [
      { status: 404, as: f.stranger, path, body: { user_id: f.member.id } },
      { status: 403, as: f.member, path, body: { user_id: f.owner.id } },
      { status: 404, path, body: { user_id: f.stranger.id } },
      { status: 422, path, body: { user_id: f.owner.id } },
      { status: 200, path, body: { user_id: f.member.id } },
    ];
  },
  listBans: (f) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 403, as: f.member },
    { status: 404, as: f.stranger },
  ],
  banUser: async (f) => {
    const path = { id: await newGroup(f), user_id: f.member.id };
    return [
      { status: 403, as: f.member, path: { ...path, user_id: f.owner.id }, body: {} },
      { status: 404, as: f.stranger, path, body: {} },
      { status: 404, path: { ...path, user_id: f.stranger.id }, body: {} },
      { status: 422, path: { ...path, user_id: f.owner.id }, body: {} },
      { status: 422, path, body: { reason: '' } },
      { status: 200, path, body: { reason: 'spam' } },
      { status: 200, path, body: {} },
    ];
  },
  unbanUser: async (f) => {
    const path = { id: await newGroup(f), user_id: f.member.id };
    await request(`/api/chats/${path.id}/bans/${path.user_id}`, { method: 'PUT', token: f.owner.token, body: {} });
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path: { ...path, id: f.group } },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  makeJoinRequest: async (f) => {
    const path = { id: await askChannel(f) };
    const archived = { id: await askChannel(f) };
    await request(`/api/chats/${archived.id}`, { method: 'PUT', token: f.owner.token, body: { archived: true } });
    return [
      { status: 200, as: f.stranger, path, body: { text: 'Please' } },
      { status: 200, as: f.stranger, path, body: {} },
      { status: 409, path, body: {} },
      { status: 409, body: {} },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) }, body: {} },
      { status: 403, as: f.stranger, path: archived, body: {} },
      { status: 404, as: f.stranger, body: {} },
      { status: 422, as: f.stranger, path, body: { text: '' } },
    ];
  },
  listJoinRequests: (f) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 403, as: f.member },
    { status: 404, as: f.stranger },
  ],
  getJoinRequest: async (f) => {
    const path = { id: await askChannel(f, f.stranger), user_id: f.stranger.id };
    return [
      { status: 200, path },
      { status: 200, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 404, path: { ...path, user_id: f.member.id } },
      { status: 404, as: f.stranger },
    ];
  },
  decideJoinRequest: async (f) => {
    const path = { id: await askChannel(f, f.stranger), user_id: f.stranger.id };
    return [
      { status: 403, as: f.stranger, path, body: { decision: 'accept' } },
      { status: 404, path: { ...path, user_id: f.member.id }, body: { decision: 'accept' } },
      { status: 422, path, body: { decision: 'perhaps' } },
      { status: 200, path, body: { decision: 'accept' } },
      { status: 200, path, body: { decision: 'accept' } },
      { status: 409, path, body: { decision: 'reject' } },
      { status: 404, as: f.stranger, body: { decision: 'reject' } },
    ];
  },
  cancelJoinRequest: async (f) => {
    const path = { id: await askChannel(f, f.stranger), user_id: f.stranger.id };
    return [
      { status: 404, path },
      { status: 204, as: f.stranger, path },
      { status: 404, as: f.stranger, path },
      { status: 404, as: f.stranger },
    ];
  },
  createInvitation: (f) => [
    { status: 201, body: {} },
    { status: 201, body: { role: 'moderator', expires_at: inAnHour(), max_uses: 3 } },
    { status: 422, body: { role: 'owner' } },
    { status: 422, body: { max_uses: 0 } },
    { status: 422, body: { expires_at: '2020-01-01T00:00:00.000Z' } },
    { status: 403, as: f.member, body: {} },
    { status: 404, as: f.stranger, body: {} },
  ],
  listInvitations: (f) => [{ status: 200 }, { status: 403, as: f.member }, { status: 404, as: f.stranger }],
  revokeInvitation: async (f) => {
    const { id: invitation_id } = await invite(f);
    return [
      { status: 404, as: f.stranger, path: { invitation_id } },
      { status: 403, as: f.member, path: { invitation_id } },
      { status: 204, path: { invitation_id } },
      { status: 404, path: { invitation_id } },
    ];
  },
  previewInvitation: async (f) => {
    const { code } = await invite(f);
    return [
      { status: 200, body: { code } },
      { status: 200, as: f.stranger, body: { code } },
      { status: 404, as: await bannedFrom(f), body: { code } },
      { status: 404, body: { code: `${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}` } },
      { status: 404, body: { code: '0'.repeat(58) } },
      { status: 422, body: { code: 'short' } },
    ];
  },
  redeemInvitation: async (f) => {
    const { code } = await invite(f, { max_uses: 1 });
    return [
      { status: 404, as: await bannedFrom(f), body: { code } },
      { status: 200, body: { code } },
      { status: 200, as: await signUp(), body: { code } },
      { status: 404, as: await signUp(), body: { code } },
      { status: 422, body: { code: 'short' } },
    ];
  },
  setAnnouncement: (f) => [
    { status: 200, body: { text: 'High water at six' } },
    { status: 403, as: f.member, body: { text: 'No' } },
    { status: 404, as: f.stranger, body: { text: 'No' } },
    { status: 422, body: { text: '' } },
  ],
  removeAnnouncement: (f) => [
    { status: 403, as: f.member },
    { status: 404, as: f.stranger },
    { status: 204 },
    { status: 204 },
  ],
  getAnnouncement: async (f) => {
    const path = { id: await newGroup(f) };
    await request(`/api/chats/${path.id}/announcement`, {
      method: 'PUT',
      token: f.owner.token,
      body: { text: 'Hear' },
    });
    return [
      { status: 200, path },
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
      { status: 404, path: { id: await newGroup(f) } },
    ];
  },
  readAnnouncement: async (f) => {
    const path = { id: await newGroup(f) };
    await request(`/api/chats/${path.id}/announcement`, {
      method: 'PUT',
      token: f.owner.token,
      body: { text: 'Hear' },
    });
    return [
      { status: 204, path },
      { status: 204, path },
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
    ];
  },
  listAnnouncementReaders: async (f) => {
    const path = { id: await newGroup(f) };
    await request(`/api/chats/${path.id}/announcement`, {
      method: 'PUT',
      token: f.owner.token,
      body: { text: 'Hear' },
    });
    await request(`/api/chats/${path.id}/announcement/read`, { method: 'POST', token: f.member.token });
    return [
      { status: 200, path },
      { status: 200, path, query: 'limit=1' },
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
    ];
  },
  findChannels: (f) => [
    { status: 200 },
    { status: 200, query: 'q=chan&limit=1' },
    { status: 200, query: `workspace_id=${f.workspace}` },
    { status: 422, query: 'cursor=bad' },
    { status: 404, as: f.stranger, query: `workspace_id=${f.workspace}` },
  ],
  previewChannel: async (f) => [
    { status: 200, as: f.stranger, path: { id: await newChannel(f) } },
    { status: 200 },
    { status: 403, as: f.stranger, path: { id: await askChannel(f) } },
    { status: 404, as: f.stranger },
  ],
  getPermissions: () => [{ status: 200, as: null }],
  addMembers: async (f) => {
    const channel = { id: await newChannel(f) };
    return [
      { status: 201, body: { user_ids: [(await signUp()).id] } },
      { status: 201, body: { user_ids: [f.member.id] } },
      { status: 201, as: f.stranger, path: channel, body: { user_ids: [f.stranger.id] } },
      { status: 403, as: f.member, path: channel, body: { user_ids: [f.owner.id, f.member.id] } },
      { status: 404, as: f.stranger, body: { user_ids: [f.stranger.id] } },
      { status: 422, body: { user_ids: [newId('usr')] } },
      { status: 422, body: { user_ids: [f.suspended.id] } },
      { status: 422, body: { user_ids: [] } },
    ];
  },
  removeMember: async (f) => {
    const path = { id: await newGroup(f), user_id: f.member.id };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path: { ...path, user_id: f.owner.id } },
      { status: 409, path: { ...path, user_id: f.owner.id } },
      { status: 204, path },
      { status: 404, path },
      { status: 204, path: { ...path, user_id: f.owner.id } },
    ];
  },
  sendMessage: async ({ owner, stranger, ...f }) => {
    const client_id = unique('client');
    return [
      { status: 201, body: { content: 'Hello' } },
      { status: 201, body: { client_id, kind: 'text', content: 'Hello 好世界 🌊', mentions: [f.member.id] } },
      { status: 200, body: { client_id, kind: 'text', content: 'Hello 好世界 🌊', mentions: [f.member.id] } },
      { status: 409, body: { client_id, content: 'Other' } },
      { status: 404, as: stranger, body: { content: 'Hello' } },
      { status: 403, as: stranger, path: { id: await newChannel({ owner, stranger, ...f }) }, body: { content: 'No' } },
      { status: 422, body: { content: 'x'.repeat(32 * 1024 + 1) } },
      { status: 422, body: { content: '\ud800' } },
    ];
  },
  forwardMessage: async (f) => {
    const path = { id: await newGroup(f) };
    const from_chat_id = f.group;
    const said = await request(`/api/chats/${f.group}/messages`, {
      token: f.owner.token,
      body: { content: 'Carry me' },
    });
    const { seq } = (await said.json()) as { seq: number };
    const body = { client_id: unique('client'), from_chat_id, seq };
    return [
      { status: 201, path, body },
      { status: 200, path, body },
      { status: 201, path, body: { from_chat_id, seq } },
      { status: 409, path, body: { ...body, seq: Number(await newMessage(f)) } },
      { status: 404, path, as: f.stranger, body: { from_chat_id, seq } },
      { status: 404, path, body: { from_chat_id, seq: 99_999 } },
      { status: 404, path, body: { from_chat_id: newId('chat'), seq } },
      { status: 403, as: f.stranger, path: { id: await newChannel(f) }, body: { from_chat_id, seq } },
      { status: 422, path, body: { from_chat_id } },
    ];
  },
  listReaders: async (f) => {
    const path = { seq: await newMessage(f), id: f.group };
    return [
      { status: 200, path },
      { status: 200, path, query: 'limit=1' },
      { status: 404, path: { ...path, seq: '1' } },
      { status: 404, path, as: f.stranger },
      { status: 403, as: f.stranger, path: { id: await newChannel(f), seq: '2' } },
      { status: 422, path, query: 'limit=0' },
    ];
  },
  getPoll: async (f) => {
    const path = await newPoll(f);
    return [
      { status: 200, path },
      { status: 404, path, as: f.stranger },
      { status: 404, path: { ...path, seq: '1' } },
      { status: 403, as: f.stranger, path: { id: await newChannel(f), seq: '1' } },
    ];
  },
  votePoll: async (f) => {
    const path = await newPoll(f);
    const closed = await newPoll(f);
    await request(`/api/chats/${closed.id}/messages/${closed.seq}/poll/close`, {
      method: 'POST',
      token: f.owner.token,
    });
    return [
      { status: 200, path, body: { options: [1] } },
      { status: 200, path, as: f.member, body: { options: [] } },
      { status: 422, path, body: { options: [0, 1] } },
      { status: 422, path, body: { options: [9] } },
      { status: 422, path, body: {} },
      { status: 409, path: closed, body: { options: [1] } },
      { status: 404, path, as: f.stranger, body: { options: [1] } },
      { status: 403, as: f.stranger, path: { id: await newChannel(f), seq: '1' }, body: { options: [1] } },
    ];
  },
  closePoll: async (f) => {
    const path = await newPoll(f);
    return [
      { status: 403, path, as: f.member },
      { status: 404, path, as: f.stranger },
      { status: 200, path },
      { status: 200, path },
    ];
  },
  listVotes: async (f) => [
    { status: 200, path: await newPoll(f) },
    { status: 403, path: await newPoll(f, { anonymous: true }) },
    { status: 404, path: await newPoll(f), as: f.stranger },
    { status: 422, path: await newPoll(f), query: 'limit=0' },
  ],
  listMessages: ({ stranger }) => [
    { status: 200 },
    { status: 200, query: 'before=5&limit=2' },
    { status: 200, query: 'after=0&limit=2' },
    { status: 404, as: stranger },
    { status: 200, query: 'around=2&limit=4' },
    { status: 200, query: 'around=unread' },
    { status: 200, query: 'at=2026-11-21T08:00:00.000Z' },
    { status: 422, query: 'before=5&after=1' },
    { status: 422, query: 'before=5&around=1' },
    { status: 422, query: 'at=yesterday' },
    { status: 422, query: 'before=-1' },
  ],
  editMessage: async (f) => {
    const path = { seq: await newMessage(f) };
    return [
      { status: 200, path, body: { content: 'Edited', mentions: [f.member.id], client_id: unique('edit') } },
      { status: 200, path, body: { content: 'Edited again' } },
      { status: 403, as: f.member, path, body: { content: 'Not mine' } },
      { status: 404, path: { seq: '999999' }, body: { content: 'Nothing there' } },
      { status: 404, as: f.stranger, path, body: { content: 'No' } },
      { status: 409, path: { seq: await recalledMessage(f) }, body: { content: 'Too late' } },
      { status: 422, path, body: { content: '' } },
    ];
  },
  recallMessage: async (f) => {
    const path = { seq: await newMessage(f) };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 200, path },
      { status: 200, path },
      { status: 404, path: { seq: '999999' } },
    ];
  },
  listEdits: async (f) => {
    const path = { seq: await newMessage(f) };
    await request(`/api/chats/${f.group}/messages/${path.seq}`, {
      method: 'PATCH',
      token: f.owner.token,
      body: { content: 'Said better' },
    });
    return [{ status: 200, path }, { status: 404, path: { seq: '999999' } }, await outside(f)];
  },
  addReaction: (f) => changeCases(f, { emoji: '👍' }),
  removeReaction: (f) => changeCases(f, { emoji: ':party:' }),
  listReactors: async (f) => {
    const seq = await newMessage(f);
    await request(`/api/chats/${f.group}/messages/${seq}/reactions/👍`, { method: 'PUT', token: f.owner.token });
    return [
      { status: 200, path: { seq } },
      { status: 200, path: { seq, emoji: '🌊' }, query: 'limit=1' },
      { status: 404, path: { seq, emoji: 'no emoji' } },
      await outside(f),
    ];
  },
  pinMessage: (f) => changeCases(f),
  unpinMessage: (f) => changeCases(f),
  listPins: async (f) => {
    await request(`/api/chats/${f.group}/pins/${await newMessage(f)}`, { method: 'PUT', token: f.owner.token });
    return [{ status: 200 }, await outside(f)];
  },
  listReplies: async (f) => {
    const seq = await newMessage(f);
    await newMessage(f, { thread_seq: Number(seq) });
    return [
      { status: 200, path: { seq } },
      { status: 200, path: { seq }, query: 'after=0&limit=1' },
      { status: 422, path: { seq }, query: 'after=0&before=9' },
      await outside(f),
    ];
  },
  attendThread: async (f) => {
    const seq = await newMessage(f);
    await newMessage(f, { thread_seq: Number(seq) });
    return [
      { status: 204, path: { seq }, body: { read: 1 } },
      { status: 204, as: f.member, path: { seq }, body: { following: true } },
      { status: 404, path: { seq: '999999' }, body: { following: true } },
      { status: 422, path: { seq }, body: { read: -1 } },
      { ...(await outside(f)), body: { following: true } },
    ];
  },
  listThreads: async (f) => [{ status: 200 }, await outside(f)],
  hideMessage: async (f) => {
    const path = { seq: await newMessage(f) };
    return [{ status: 204, path }, { status: 204, path }, { status: 404, path: { seq: '999999' } }, await outside(f)];
  },
  listHidden: async (f) => [
    { status: 200 },
    { status: 200, query: 'after=1&limit=1' },
    { status: 422, query: 'after=x' },
    await outside(f),
  ],
  scheduleMessage: async (f) => {
    const client_id = unique('later');
    const taken = unique('taken');
    await newMessage(f, { client_id: taken });
    const send_at = new Date(Date.now() + 3_600_000).toISOString();
    const message = { content: 'Later' };
    return [
      { status: 200, path: { client_id }, body: { send_at, message } },
      { status: 200, path: { client_id }, body: { send_at, message: { content: 'Later, but better' } } },
      { status: 409, path: { client_id: taken }, body: { send_at, message } },
      { status: 422, path: { client_id }, body: { send_at: '2020-01-01T00:00:00.000Z', message } },
      { ...(await outside(f)), body: { send_at, message } },
    ];
  },
  listScheduled: async (f) => [{ status: 200 }, await outside(f)],
  cancelScheduled: async (f) => {
    const client_id = unique('later');
    await request(`/api/chats/${f.group}/scheduled/${client_id}`, {
      method: 'PUT',
      token: f.owner.token,
      body: { send_at: new Date(Date.now() + 3_600_000).toISOString(), message: { content: 'Later' } },
    });
    return [{ status: 204, path: { client_id } }, { status: 404, path: { client_id } }, await outside(f)];
  },
  putDraft: (f) => [
    { status: 204, body: { content: 'Half a thou' } },
    { status: 204, body: { content: 'In a thread', thread_seq: 2, reply_to: 3 } },
    { status: 204, body: { content: '' } },
    { status: 404, as: f.stranger, body: { content: 'x' } },
    { status: 422, body: { content: 'x'.repeat(32 * 1024 + 1) } },
  ],
  saveMessage: async (f) => [
    { status: 204, body: {} },
    { status: 204, body: { note: 'Read this' } },
    { status: 404, as: f.stranger, body: {} },
    { status: 422, body: { note: '' } },
  ],
  unsaveMessage: (f) => [{ status: 204 }, { status: 204 }, { status: 404, as: f.stranger }],
  exportChat: async (f) => [{ status: 200 }, { status: 404, as: f.stranger }, await outside(f)],
  setRetention: async (f) => [
    { status: 200, path: { id: await newGroup(f) }, body: { edit_window: 60, message_timer: 3600 } },
    { status: 200, body: {} },
    { status: 200, as: f.member, path: { id: await newSingle(f) }, body: { message_timer: 60 } },
    { status: 403, as: f.member, path: { id: await newGroup(f) }, body: { recall_window: null } },
    { status: 404, as: f.stranger, body: { recall_window: null } },
    { status: 422, body: { message_timer: 0 } },
  ],
  listEvents: ({ stranger }) => [
    { status: 200 },
    { status: 200, query: 'after=1&limit=2' },
    { status: 404, as: stranger },
    { status: 422, query: 'after=x' },
  ],
  searchChat: ({ stranger }) => [
    { status: 200, query: 'q=hello' },
    { status: 200, query: 'q=hello&sort=relevance&limit=5' },
    { status: 404, as: stranger, query: 'q=hello' },
    { status: 422 },
    { status: 422, query: 'q=hello&cursor=x' },
  ],
  searchAll: ({ group }) => [
    { status: 200, query: 'q=hello' },
    { status: 200, query: `q=hello&chats=${group}` },
    { status: 422, query: 'q=' },
    { status: 422, query: 'q=hello&chats=x' },
  ],
  listWorkspaces: () => [{ status: 200 }, { status: 200, query: 'limit=1' }],
  createWorkspace: () => [
    { status: 201, body: { name: 'Workspace', description: 'For tests' } },
    { status: 201, body: { name: 'Workspace', description: null } },
    { status: 422, body: { name: '' } },
  ],
  getWorkspace: ({ member, stranger }) => [{ status: 200 }, { status: 200, as: member }, { status: 404, as: stranger }],
  updateWorkspace: ({ member, stranger }) => [
    {
      status: 200,
      body: { name: 'Renamed', description: null, create_channels: 'admins', retention_days: 30, max_file_bytes: 1024 },
    },
    { status: 200, body: { retention_days: null, max_file_bytes: null, default_chat_ids: [] } },
    { status: 200, body: {} },
    { status: 403, as: member, body: { name: 'No' } },
    { status: 404, as: stranger, body: { name: 'No' } },
    { status: 422, body: { default_chat_ids: [newId('chat')] } },
  ],
  deleteWorkspace: async (f) => {
    const path = { id: await newWorkspace(f) };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 200, path },
      { status: 200, path },
    ];
  },
  restoreWorkspace: async (f) => {
    const path = { id: await newWorkspace(f) };
    await request(`/api/workspaces/${path.id}`, { method: 'DELETE', token: f.owner.token });
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 200, path },
      { status: 200, path },
    ];
  },
  transferWorkspace: async (f) => {
    const path = { id: await newWorkspace(f) };
    return [
      { status: 404, as: f.stranger, path, body: { user_id: f.member.id } },
      { status: 403, as: f.member, path, body: { user_id: f.owner.id } },
      { status: 404, path, body: { user_id: f.stranger.id } },
      { status: 422, path, body: { user_id: f.owner.id } },
      { status: 200, path, body: { user_id: f.member.id } },
      { status: 403, path, body: { user_id: f.member.id } },
    ];
  },
  listWorkspaceMembers: ({ stranger }) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 200, query: 'q=test&role=member' },
    { status: 404, as: stranger },
  ],
  addWorkspaceMembers: async ({ member, stranger, suspended }) => [
    { status: 201, body: { user_ids: [(await signUp()).id, member.id] } },
    { status: 201, body: { user_ids: [(await signUp()).id], role: 'guest' } },
    { status: 403, as: member, body: { user_ids: [stranger.id] } },
    { status: 404, as: stranger, body: { user_ids: [stranger.id] } },
    { status: 422, body: { user_ids: [suspended.id] } },
    { status: 422, body: { user_ids: [newId('usr')] } },
  ],
  setWorkspaceRole: async (f) => {
    const path = { id: await newWorkspace(f), user_id: f.member.id };
    return [
      { status: 404, as: f.stranger, path, body: { role: 'guest' } },
      { status: 403, as: f.member, path: { ...path, user_id: f.owner.id }, body: { role: 'guest' } },
      { status: 404, path: { ...path, user_id: f.stranger.id }, body: { role: 'guest' } },
      { status: 409, path: { ...path, user_id: f.owner.id }, body: { role: 'admin' } },
      { status: 200, path, body: { role: 'admin' } },
    ];
  },
  removeWorkspaceMember: async (f) => {
    const path = { id: await newWorkspace(f), user_id: f.member.id };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path: { ...path, user_id: f.owner.id } },
      { status: 409, path: { ...path, user_id: f.owner.id } },
      { status: 204, as: f.member, path },
      { status: 404, path },
    ];
  },
  listWorkspaceInvitations: async (f) => {
    await newInvitation(f);
    const path = { id: f.workspace };
    const guest = await newGuest(f);
    return [
      { status: 200, path },
      { status: 200, path, query: 'limit=1' },
      { status: 403, as: guest, path },
      { status: 404, as: f.stranger, path },
    ];
  },
  createWorkspaceInvitation: async (f) => {
    const path = { id: await newWorkspace(f) };
    await fillInvitations(path.id, f.owner.id);
    const full = path.id;
    return [
      { status: 201, body: {} },
      { status: 201, body: { role: 'guest', max_uses: 3, expires_at: inAnHour() } },
      { status: 201, body: { email: `${unique('new')}@example.com` } },
      { status: 201, body: { email: f.stranger.email } },
      { status: 403, as: f.member, body: { role: 'admin' } },
      { status: 404, as: f.stranger, body: {} },
      { status: 409, path: { id: full }, body: {} },
      { status: 422, body: { email: f.stranger.email, max_uses: 2 } },
      { status: 422, body: { expires_at: '2020-01-01T00:00:00.000Z' } },
    ];
  },
  revokeWorkspaceInvitation: async (f) => {
    const path = { id: f.workspace, invitation_id: (await newInvitation(f)).id };
    return [
      { status: 403, as: await newGuest(f), path },
      { status: 404, as: f.member, path },
      { status: 404, as: f.stranger, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  previewWorkspaceInvitation: async (f) => {
    const { code } = await newInvitation(f);
    return [
      { status: 200, as: f.stranger, body: { code } },
      { status: 404, body: { code: 'A'.repeat(32) } },
      { status: 422, body: { code: 'x' } },
    ];
  },
  redeemWorkspaceInvitation: async (f) => {
    const { code } = await newInvitation(f);
    return [
      { status: 200, as: await signUp(), body: { code } },
      { status: 200, body: { code } },
      { status: 404, body: { code: 'A'.repeat(32) } },
      { status: 422, body: { code: 'x' } },
    ];
  },
  sync: () => [{ status: 200 }, { status: 200, query: 'limit=1' }, { status: 200, query: 'cursor=of-another-inbox' }],
  syncWithEvents: ({ group }) => [
    { status: 200, body: {} },
    { status: 200, body: { cursor: null, chats: { [group]: 0 }, limit: 10 } },
    { status: 422, body: { chats: { nonsense: 0 } } },
  ],
  listNotifications: () => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 422, query: 'cursor=of-another-list' },
    { status: 422, query: 'limit=0' },
  ],
  readNotifications: async () => {
    const [one, two] = await newFriends();
    const id = `${two.id}.friend`;
    return [
      { status: 204, as: one, body: { id } },
      { status: 204, as: one, body: { through: id } },
      { status: 204, as: one, body: { all: true } },
      { status: 404, as: two, body: { id } },
      { status: 422, as: one, body: { id, all: true } },
      { status: 422, as: one, body: { id: 'nonsense' } },
      { status: 422, as: one, body: {} },
    ];
  },
  removeNotification: async () => {
    const [one, two] = await newFriends();
    const path = { id: `${two.id}.friend` };
    return [
      { status: 404, as: two, path },
      { status: 204, as: one, path },
      { status: 204, as: one, path },
      { status: 404, as: one, path: { id: 'nonsense' } },
    ];
  },
  removeNotifications: () => [{ status: 204 }, { status: 204 }],
  openInboxSocket: ({ owner }) => [
    { status: 101, headers: { upgrade: 'websocket', authorization: `Bearer ${owner.token}` }, as: null },
    { status: 426 },
  ],
  openChatSocket: ({ owner }) => [
    { status: 101, headers: { upgrade: 'websocket', authorization: `Bearer ${owner.token}` }, as: null },
    { status: 426 },
  ],
  uploadFile: async ({ owner, workspace, stranger }) => {
    // As if most of what the stranger may store were taken.
    await env.DB.prepare('INSERT INTO file_usage VALUES (?, ?)')
      .bind(stranger.id, 10 * 1024 ** 3)
      .run();
    const large = { 'content-length': String(100 * 1024 * 1024 + 1) };
    return [
      { status: 201, query: 'name=a.txt', raw: 'content' },
      { status: 201, query: `name=a.txt&workspace_id=${workspace}&duration_ms=10&waveform=AAEC`, raw: 'content' },
      { status: 404, query: `name=a.txt&workspace_id=${newId('ws')}`, raw: 'content' },
      { status: 413, query: 'name=a.txt', raw: 'x'.repeat(10), headers: large },
      { status: 413, as: stranger, query: 'name=a.txt', raw: 'content' },
      { status: 422, query: 'name=../a.txt', raw: 'content' },
      { status: 422, query: 'name=a.txt', as: owner },
    ];
  },
  startUpload: ({ stranger }) => [
    { status: 201, body: { name: 'a.txt', size: 10, about: { placeholder: 'abcd' } } },
    { status: 404, body: { name: 'a.txt', size: 10, workspace_id: newId('ws') } },
    { status: 413, body: { name: 'a.txt', size: 2 ** 40 } },
    { status: 413, as: stranger, body: { name: 'a.txt', size: 10 } },
    { status: 422, body: { name: 'a/b', size: 10 } },
  ],
  uploadPart: async ({ owner, stranger }) => {
    const path = { id: (await begin(owner, { size: 5 })).id };
    return [
      { status: 200, path, raw: 'right' },
      { status: 422, path, raw: 'too long' },
      { status: 404, as: stranger, path, raw: 'right' },
    ];
  },
  getUpload: async ({ owner, stranger }) => {
    const path = { id: (await begin(owner, { size: 5 })).id };
    return [
      { status: 200, path },
      { status: 404, as: stranger, path },
    ];
  },
  abortUpload: async ({ owner, stranger }) => {
    const path = { id: (await begin(owner, { size: 5 })).id };
    return [
      { status: 404, as: stranger, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  completeUpload: async ({ owner, stranger }) => {
    const path = { id: (await begin(owner, { size: 5 })).id };
    const wrong = { id: (await begin(owner, { size: 5, sha256: '0'.repeat(64) })).id };
    await putPart(owner, wrong.id, 1, 'wrong');
    const done = { id: (await begin(owner, { size: 5 })).id };
    await putPart(owner, done.id, 1, 'right');
    await complete(owner, done.id);
    return [
      { status: 409, path },
      { status: 404, as: stranger, path },
      { status: 422, path: wrong },
      { status: 200, path: done },
    ];
  },
  getFile: async ({ owner, stranger }) => {
    const path = { id: (await upload(owner, 'content')).id };
    return [
      { status: 200, path },
      { status: 404, as: stranger, path },
    ];
  },
  createFileTicket: async (f) => {
    const body = { file_id: (await upload(f.owner, 'content')).id };
    const channel = { id: await newChannel(f) };
    const theirs = { file_id: (await upload(f.member, 'content')).id };
    return [
      { status: 201, body },
      { status: 403, as: f.member, path: channel, body: theirs },
      { status: 404, as: f.member, body },
      { status: 404, as: f.stranger, body },
      { status: 404, body: { ...body, from_chat_id: f.group } },
      { status: 422, body: { file_id: 'a' } },
    ];
  },
  getStorage: () => [{ status: 200 }],
  getFileContent: async ({ owner, stranger }) => {
    const { id, sha256 } = await upload(owner, noise(100));
    return contentCases({ id }, sha256, stranger);
  },
  getChatFile: async ({ owner, stranger, group }) => {
    const { id, sha256 } = await upload(owner, noise(100));
    await runInDurableObject(roomOf(group), (_room, state) => {
      state.storage.sql.exec('INSERT INTO files VALUES (?, 1)', id);
    });
    return contentCases({ file_id: id }, sha256, stranger);
  },
  getPushKey: () => [{ status: 200 }],
  subscribeToPush: () => [
    { status: 201, body: subscription },
    { status: 201, body: { ...subscription, expirationTime: null } },
    { status: 422, body: { ...subscription, endpoint: 'https://example.com/push' } },
    { status: 422, body: { ...subscription, endpoint: 'http://fcm.googleapis.com/push' } },
    { status: 422, body: { ...subscription, endpoint: 'https://fcm.googleapis.com:8443/push' } },
    { status: 422, body: { ...subscription, endpoint: 'https://fcm.googleapis.com@127.0.0.1/push' } },
    { status: 422, body: { ...subscription, keys: { p256dh: 'x', auth: 'x' } } },
  ],
  listPushSubscriptions: () => [{ status: 200 }],
  unsubscribeFromPush: async ({ owner, stranger }) => {
    const made = await request('/api/push/subscriptions', { token: owner.token, body: subscription });
    const path = (await made.json()) as { id: string };
    return [
      { status: 404, as: stranger, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  getNotificationSettings: () => [{ status: 200 }],
  setNotificationSettings: () => [
    { status: 200, body: { quiet_hours: { from: '22:00', to: '07:30', time_zone: 'Asia/Shanghai' } } },
    { status: 200, body: { quiet_hours: null } },
    { status: 422, body: { quiet_hours: { from: '25:00', to: '07:30', time_zone: 'Asia/Shanghai' } } },
    { status: 422, body: { quiet_hours: { from: '22:00', to: '07:30', time_zone: 'Atlantis/Center' } } },
  ],
  setUserStatus: async () => {
    const path = { id: (await signUp()).id };
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    return [
      { status: 200, as: null, headers, path, body: { status: 'Suspended' } },
      { status: 200, as: null, headers, path, body: { status: 'Active' } },
      { status: 404, as: null, headers, path: { id: newId('usr') }, body: { status: 'Active' } },
      { status: 422, as: null, headers, path, body: { status: 'Gone' } },
      { status: 401, path, body: { status: 'Suspended' } },
    ];
  },
  announce: async (f) => {
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    const body = { client_id: unique('client'), content: 'Closed at six' };
    return [
      { status: 201, as: null, headers, body },
      { status: 200, as: null, headers, body },
      { status: 409, as: null, headers, body: { ...body, content: 'other' } },
      { status: 404, as: null, headers, path: { id: newId('chat') }, body },
      { status: 422, as: null, headers, body: { content: '' } },
      { status: 401, as: f.owner, body },
    ];
  },
  audit: () => {
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    return [
      { status: 200, as: null, headers, body: { part: 'chats' } },
      { status: 200, as: null, headers, body: { part: 'users', after: newId('usr'), repair: true } },
      { status: 200, as: null, headers, body: { part: 'files' } },
      { status: 200, as: null, headers, body: { part: 'objects' } },
      { status: 422, as: null, headers, body: { part: 'mails' } },
      { status: 401, body: { part: 'chats' } },
    ];
  },
  renewEpoch: async (f) => {
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    return [
      { status: 204, as: null, headers, path: { id: await newGroup(f) } },
      { status: 404, as: null, headers, path: { id: newId('chat') } },
      { status: 401, path: { id: f.group } },
    ];
  },
  health: () => [{ status: 200, as: null }],
  jwks: () => [{ status: 200, as: null }],
  getOpenApi: () => [{ status: 200, as: null }],
  getDocs: () => [{ status: 200, as: null }],
};
