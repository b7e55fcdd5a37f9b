import { env } from 'cloudflare:workers';
import { newId } from '../../src/ids.ts';
import { type Account, request, signIn, signUp, unique } from '../support/api.ts';

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
  headers?: Record<string, string>;
}

const created = async (path: string, account: Account, body: unknown): Promise<string> => {
  const response = await request(path, { token: account.token, body });
  const { id } = (await response.json()) as { id: string };
  return id;
};
export const newGroup = ({ owner, member }: Fixture) =>
  created('/api/chats', owner, { type: 'Group', name: 'Group', members: [member.id] });
const newChannel = ({ owner }: Fixture) =>
  created('/api/chats', owner, { type: 'PublicChannel', name: 'Channel', members: [] });
export const newWorkspace = async (f: Fixture) => {
  const id = await created('/api/workspaces', f.owner, { name: 'Workspace' });
  await request(`/api/workspaces/${id}/members`, { token: f.owner.token, body: { user_ids: [f.member.id] } });
  return id;
};
export const suspend = (account: Account, status = 'Suspended') =>
  request(`/api/admin/users/${account.id}/status`, { method: 'PUT', token: env.ADMIN_TOKEN, body: { status } });
const sessionOf = (account: Account): string => {
  const [, payload = ''] = account.token.split('.');
  const { sid } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { sid: string };
  return sid;
};

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
  getPresence: ({ owner, member }) => [
    { status: 200, path: { id: owner.id } },
    { status: 404, path: { id: member.id } },
  ],
  listChats: () => [{ status: 200 }, { status: 200, query: 'limit=1' }, { status: 422, query: 'cursor=bad' }],
  createChat: async (f) => [
    { status: 201, body: { type: 'Single', members: [(await signUp()).id] } },
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
  updateChat: ({ member, stranger }) => [
    { status: 200, body: { name: 'Renamed' } },
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
    { status: 200, body: { muted: false } },
    { status: 404, as: stranger, body: { muted: true } },
  ],
  listMembers: async (f) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 404, as: f.stranger },
    { status: 403, as: f.stranger, path: { id: await newChannel(f) } },
  ],
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
  listMessages: ({ stranger }) => [
    { status: 200 },
    { status: 200, query: 'before=5&limit=2' },
    { status: 200, query: 'after=0&limit=2' },
    { status: 404, as: stranger },
    { status: 422, query: 'before=5&after=1' },
    { status: 422, query: 'before=-1' },
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
    { status: 200, body: { name: 'Renamed', description: null } },
    { status: 200, body: {} },
    { status: 403, as: member, body: { name: 'No' } },
    { status: 404, as: stranger, body: { name: 'No' } },
  ],
  deleteWorkspace: async (f) => {
    const path = { id: await newWorkspace(f) };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path },
      { status: 204, path },
      { status: 404, path },
    ];
  },
  listWorkspaceMembers: ({ stranger }) => [
    { status: 200 },
    { status: 200, query: 'limit=1' },
    { status: 404, as: stranger },
  ],
  addWorkspaceMembers: async ({ member, stranger, suspended }) => [
    { status: 201, body: { user_ids: [(await signUp()).id, member.id] } },
    { status: 403, as: member, body: { user_ids: [stranger.id] } },
    { status: 404, as: stranger, body: { user_ids: [stranger.id] } },
    { status: 422, body: { user_ids: [suspended.id] } },
    { status: 422, body: { user_ids: [newId('usr')] } },
  ],
  removeWorkspaceMember: async (f) => {
    const path = { id: await newWorkspace(f), user_id: f.member.id };
    return [
      { status: 404, as: f.stranger, path },
      { status: 403, as: f.member, path: { ...path, user_id: f.owner.id } },
      { status: 403, path: { ...path, user_id: f.owner.id } },
      { status: 204, as: f.member, path },
      { status: 404, path },
    ];
  },
  sync: () => [{ status: 200 }, { status: 200, query: 'limit=1' }, { status: 200, query: 'cursor=of-another-inbox' }],
  syncWithEvents: ({ group }) => [
    { status: 200, body: {} },
    { status: 200, body: { cursor: null, chats: { [group]: 0 }, limit: 10 } },
    { status: 422, body: { chats: { nonsense: 0 } } },
  ],
  openInboxSocket: ({ owner }) => [
    { status: 101, headers: { upgrade: 'websocket', authorization: `Bearer ${owner.token}` }, as: null },
    { status: 426 },
  ],
  openChatSocket: ({ owner }) => [
    { status: 101, headers: { upgrade: 'websocket', authorization: `Bearer ${owner.token}` }, as: null },
    { status: 426 },
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
  health: () => [{ status: 200, as: null }],
  jwks: () => [{ status: 200, as: null }],
  getOpenApi: () => [{ status: 200, as: null }],
  getDocs: () => [{ status: 200, as: null }],
};
