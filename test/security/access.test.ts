import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { type Account, api, request, signUp } from '../support/api.ts';
import { Contract, type Operation } from '../support/contract.ts';
import { openSocket } from '../support/socket.ts';
import { bodies, type Fixture, fill, type Invitation, newFixture } from './fixture.ts';
import { operationsOf, POLICIES, QUERIES, SOCKETS, STREAMS } from './policies.ts';

/*
 * Broken object level authorisation, by construction: each route of the published document, tried by everybody who has
 * no business there. To them an object that exists answers as one that does not.
 */

const contract = await Contract.load();
const OUTSIDERS = ['stranger', 'former', 'neighbour', 'blocked'] as const;
const ATTEMPTS = 3;
const SEEDS = 100;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await newFixture();
});

const BYTES = 'application/octet-stream';
/** A body that the schema allows; what it names exists, as far as the schema does not say what it is. */
function withBody(operation: Operation, seed: number): { body: unknown } | { raw: string } | undefined {
  if (operation.requestBody === undefined) return undefined;
  if (operation.requestBody.content[BYTES] !== undefined) return { raw: 'abc' };
  const named = { file_id: fc.constant(fixture.file), user_id: fc.constant(fixture.member.id) };
  return { body: fc.sample(bodies(contract, operation, named), { numRuns: 1, seed })[0] };
}

interface Told {
  status: number;
  code: string | undefined;
  detail: string | undefined;
}

async function attempt(operation: Operation, who: Account, path: string, seed: number): Promise<Told> {
  if (SOCKETS.includes(operation.operationId)) {
    const { code, reason } = await (await openSocket(path, who.token)).closed;
    return { status: code, code: reason, detail: undefined };
  }
  const query = QUERIES[operation.operationId];
  const response = await request(query === undefined ? path : `${path}?${query}`, {
    method: operation.method,
    token: who.token,
    ...withBody(operation, seed),
  });
  return told(response);
}

async function told(response: Response): Promise<Told> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  const answer = (isJson ? JSON.parse(text) : null) as { code?: string; detail?: string } | null;
  return { status: response.status, code: answer?.code, detail: answer?.detail };
}

/**
 * Tries with several bodies what is there and what is not: to `who` it is the same. A schema does not say all that a body must
 * be: one that is refused for itself, alike in both cases, does not count.
 */
async function alike(operation: Operation, who: Account, there: string, none: string): Promise<void> {
  const wanted = operation.requestBody === undefined ? 1 : ATTEMPTS;
  let counted = 0;
  for (let seed = 0; counted < wanted; seed++) {
    const answer = await attempt(operation, who, there, seed);
    expect(answer).toEqual(await attempt(operation, who, none, seed));
    if (answer.status === 422 && seed < SEEDS) continue;
    expect(answer).toMatchObject(refusal(operation, 'not_found'));
    counted += 1;
  }
}

const isSocket = ({ operationId }: Operation) => SOCKETS.includes(operationId);
const refusal = (operation: Operation, code: 'not_found' | 'suspended') =>
  isSocket(operation)
    ? { status: code === 'not_found' ? 4404 : 4403, code }
    : { status: code === 'not_found' ? 404 : 403, code };

/** What the owner sees of what they own: it has to be the same before and after. */
async function state(): Promise<string> {
  const { token } = fixture.owner;
  const read = async (path: string) => JSON.stringify((await api(path, { token })).body);
  const paths = [fixture.group, fixture.channel].flatMap((id) => [
    `/api/chats/${id}`,
    `/api/chats/${id}/events?limit=500`,
    `/api/chats/${id}/members`,
    `/api/chats/${id}/messages`,
    `/api/chats/${id}/pins`,
    `/api/chats/${id}/invitations`,
    `/api/chats/${id}/announcement`,
    `/api/chats/${id}/messages/3/poll`,
  ]);
  const workspace = `/api/workspaces/${fixture.workspace}`;
  const [file, coming] = fixture.owned['/api/files'];
  const all = [
    ...paths,
    ...[workspace, `${workspace}/members`, `${workspace}/invitations`],
    ...['/api/auth/sessions', '/api/push/subscriptions', `/api/files/${file}`, `/api/files/${coming}/upload`],
  ];
  return (await Promise.all(all.map(read))).join('\n');
}

const prefixOf = (id: string) => (id.startsWith('ses_') ? 'ses' : 'file');

it('every route says whose business it is (add new ones to POLICIES)', () => {
  expect([...contract.operations.keys()].filter((id) => POLICIES[id] === undefined)).toEqual([]);
  expect(Object.keys(POLICIES).filter((id) => !contract.operations.has(id))).toEqual([]);
});

it.each([...contract.operations.values()])('$operationId asks for a token unless it is public', (operation) => {
  const schemes = operation.security.flatMap((scheme) => Object.keys(scheme));
  const policy = POLICIES[operation.operationId];
  expect(schemes).toEqual(policy === 'public' ? [] : policy === 'operator' ? ['admin'] : ['bearer']);
});

describe.each(operationsOf(contract, 'chat'))('$operationId', (operation) => {
  const at = (id: string) =>
    fill(operation.path, {
      ...{ id, user_id: fixture.member.id, file_id: fixture.file, invitation_id: fixture.invitation.id },
    });
  it.each(OUTSIDERS)('a conversation is to the %s as if there were none', async (role) => {
    const before = await state();
    for (const id of [fixture.group, fixture.channel]) {
      await alike(operation, fixture[role], at(id), at(newId('chat')));
    }
    expect(await state()).toBe(before);
  });

  it('somebody suspended is refused, although they are a member', async () => {
    const before = await state();
    expect(await attempt(operation, fixture.suspended, at(fixture.group), 1)).toMatchObject(
      refusal(operation, 'suspended'),
    );
    expect(await state()).toBe(before);
  });
});

describe.each(operationsOf(contract, 'workspace'))('$operationId', (operation) => {
  const at = (id: string) =>
    fill(operation.path, { id, user_id: fixture.member.id, invitation_id: fixture.workspaceInvitation.id });
  it.each(OUTSIDERS)('a workspace is to the %s as if there were none', async (role) => {
    const before = await state();
    await alike(operation, fixture[role], at(fixture.workspace), at(newId('ws')));
    expect(await state()).toBe(before);
  });

  it('somebody suspended is refused, although they are a member', async () => {
    expect(await attempt(operation, fixture.suspended, at(fixture.workspace), 1)).toMatchObject(
      refusal(operation, 'suspended'),
    );
  });
});

it.each(operationsOf(contract, 'relation'))(
  '$operationId finds nothing of the relations of others',
  async (operation) => {
    const mine = async () => {
      const lists = ['/api/friends', '/api/friend-requests', '/api/friend-groups'];
      const { token } = fixture.owner;
      return JSON.stringify(await Promise.all(lists.map(async (path) => (await api(path, { token })).body)));
    };
    const before = await mine();
    expect(before).toContain(fixture.member.id);
    expect(before).toContain(fixture.friendGroup);
    for (const role of OUTSIDERS) {
      for (const id of [fixture.owner.id, fixture.member.id, fixture.friendGroup]) {
        const there = await attempt(operation, fixture[role], fill(operation.path, { id }), 1);
        const none = id.replace(/.{8}$/, '00000000');
        expect(there).toEqual(await attempt(operation, fixture[role], fill(operation.path, { id: none }), 1));
        // A body may be refused for what it names, alike in both cases.
        expect([404, 422]).toContain(there.status);
      }
    }
    expect(await mine()).toBe(before);
  },
);

const elsewhere = operationsOf(contract, 'own', 'profile', 'person', 'owned', 'code', 'relation').filter(
  ({ operationId }) => !STREAMS.includes(operationId),
);
it.each(elsewhere)('$operationId is refused to somebody suspended', async (operation) => {
  const path = fill(operation.path, { id: fixture.owner.id, user_id: fixture.owner.id });
  expect(await attempt(operation, fixture.suspended, path, 1)).toMatchObject(refusal(operation, 'suspended'));
});

it.each(operationsOf(contract, 'operator'))('$operationId is refused to every user', async (operation) => {
  for (const who of [fixture.owner, fixture.stranger]) {
    const path = fill(operation.path, { id: fixture.owner.id });
    expect(await attempt(operation, who, path, 1)).toMatchObject({ status: 401, code: 'unauthenticated' });
  }
});

describe.each(operationsOf(contract, 'owned'))('$operationId', (operation) => {
  // One who is in the same conversations, too: what is sent there is fetched there.
  it.each([...OUTSIDERS, 'member'] as const)('does not find for the %s what the owner has', async (role) => {
    const before = await state();
    const [, ids = []] = Object.entries(fixture.owned).find(([prefix]) => operation.path.startsWith(prefix)) ?? [];
    expect(ids).not.toEqual([]);
    for (const id of ids) {
      const named = /^[0-9a-f]{32}$|\./.test(id);
      const none = named ? id.replace(/.{8}(?=$|\.)/, '00000000') : newId(prefixOf(id));
      await alike(operation, fixture[role], fill(operation.path, { id }), fill(operation.path, { id: none }));
    }
    expect(await state()).toBe(before);
  });
});

describe.each(operationsOf(contract, 'code'))('$operationId', ({ path, method }) => {
  const tried = async (who: Account, code: string) =>
    told(await request(path, { method, token: who.token, body: { code } }));

  it('tells nothing to who has no code of what exists', async () => {
    const before = await state();
    const wrong = 'A'.repeat(32);
    const codes = path.startsWith('/api/invitations')
      ? [fixture.group, fixture.channel].map((id) => `${id.slice('chat_'.length)}${wrong}`)
      : [fixture.workspaceInvitation.code.replace(/^.{8}/, 'AAAAAAAA')];
    const nothing = path.startsWith('/api/invitations') ? `${newId('chat').slice('chat_'.length)}${wrong}` : wrong;
    for (const role of OUTSIDERS) {
      const none = await tried(fixture[role], nothing);
      expect(none).toMatchObject({ status: 404, code: 'not_found' });
      for (const code of codes) expect(await tried(fixture[role], code)).toEqual(none);
    }
    expect(await state()).toBe(before);
  });

  it('takes a code from nobody whom it is not for', async () => {
    const { token } = fixture.owner;
    const before = await state();
    // Into a conversation of a workspace its members come; to an address, who has it.
    const [place, body] = path.startsWith('/api/invitations')
      ? [`/api/chats/${fixture.channel}/invitations`, {}]
      : [`/api/workspaces/${fixture.workspace}/invitations`, { email: fixture.member.email }];
    const { body: made } = await api<Invitation>(place, { token, body });
    const none = await tried(fixture.stranger, made.code.replace(/.{8}$/, 'AAAAAAAA'));
    expect(none).toMatchObject({ status: 404, code: 'not_found' });
    // Somebody who is banned there is told no more by a code that holds than a stranger by one that does not.
    for (const role of OUTSIDERS) expect([role, await tried(fixture[role], made.code)]).toEqual([role, none]);
    expect((await tried(fixture.member, made.code)).status).toBe(200);
    expect((await request(`${place}/${made.id}`, { method: 'DELETE', token })).status).toBe(204);
    expect(await tried(fixture.stranger, made.code)).toEqual(none);
    if (place.startsWith('/api/workspaces')) expect(await state()).toBe(before);
  });
});

it.each(operationsOf(contract, 'person'))(
  '$operationId is as for nobody to who has nothing to do with them',
  async (operation) => {
    for (const role of ['stranger', 'blocked'] as const) {
      const there = await attempt(operation, fixture[role], fill(operation.path, { id: fixture.owner.id }), 1);
      expect(there).toEqual(await attempt(operation, fixture[role], fill(operation.path, { id: newId('usr') }), 1));
      expect(there.status).toBe(404);
    }
  },
);

/** What somebody might try to reach a person by, and the refusal; `own` is a conversation of who tries. */
const REACHES: [string, (own: string, id: string) => [string, unknown], number][] = [
  ['begins a Single', (_, id) => ['/api/chats', { type: 'Single', members: [id] }], 403],
  ['begins a group', (_, id) => ['/api/chats', { type: 'Group', name: 'x', members: [id] }], 422],
  ['adds to a group', (own, id) => [`/api/chats/${own}/members`, { user_ids: [id] }], 422],
  ['mentions in a group', (own, id) => [`/api/chats/${own}/messages`, { content: 'x', mentions: [id] }], 422],
];
it.each(REACHES)('who is blocked and %s does not reach who has blocked them', async (_what, call, status) => {
  const { token } = fixture.blocked;
  const { body } = await api<{ id: string }>('/api/chats', { token, body: { type: 'Group', name: 'Own' } });
  const [path, sent] = call(body.id, fixture.owner.id);
  const before = await api('/api/sync', { token: fixture.owner.token });
  expect((await api(path, { token, body: sent })).status).toBe(status);
  expect(await api('/api/sync', { token: fixture.owner.token })).toMatchObject({ body: before.body });
});

it('who is blocked writes nothing into a Single that there is', async () => {
  const [ada, ben] = [await signUp(), await signUp()];
  const single = { token: ada.token, body: { type: 'Single', members: [ben.id] } };
  const { id } = (await api<{ id: string }>('/api/chats', single)).body;
  const write = () => request(`/api/chats/${id}/messages`, { token: ben.token, body: { content: 'x' } });
  expect((await write()).status).toBe(201);
  expect((await request(`/api/blocks/${ben.id}`, { method: 'PUT', token: ada.token })).status).toBe(200);
  expect((await write()).status).toBe(403);
  const socket = await openSocket(`/api/chats/${id}/ws?after=0`, ben.token);
  await socket.next('events');
  socket.send({ t: 'send', chat_id: id, client_id: 'blocked', content: 'x' });
  expect((await socket.next('error')).code).toBe('forbidden');
  socket.close();
});

const readable = operationsOf(contract, 'own', 'profile').filter(
  ({ method, operationId }) => method === 'GET' && !SOCKETS.includes(operationId) && !STREAMS.includes(operationId),
);
it.each(readable)('$operationId shows a stranger nothing of what others own', async (operation) => {
  const path = fill(operation.path, { id: fixture.owner.id });
  const query = QUERIES[operation.operationId];
  const response = await request(query === undefined ? path : `${path}?${query}`, {
    method: operation.method,
    token: fixture.stranger.token,
  });
  const text = await response.text();
  for (const secret of [fixture.group, fixture.channel, fixture.workspace, fixture.owner.email, 'canary content']) {
    expect(text).not.toContain(secret);
  }
});

it('a sync that asks for conversations of others gets nothing of them', async () => {
  for (const role of OUTSIDERS) {
    const chats = { [fixture.group]: 0, [fixture.channel]: 0 };
    const answer = await api('/api/sync', { token: fixture[role].token, body: { chats } });
    const text = JSON.stringify(answer.body);
    expect(text).not.toContain('canary');
    expect(text).not.toContain('Canary');
    const [none, nobodys] = await Promise.all(
      [fixture.channel, newId('chat')].map(async (id) => {
        const { token } = fixture[role];
        const { body } = await api<Record<string, unknown>>('/api/sync', { token, body: { chats: { [id]: 0 } } });
        // Beside the changes of their own list: one who was in it knows that it is gone.
        return JSON.stringify({ ...body, changes: [] }).replaceAll(id, 'ID');
      }),
    );
    expect(none).toBe(nobodys);
  }
});

/** What names something of others beside what the path names; `own` is a conversation of the caller's. */
const NAMING: [
  string,
  (own: string, named: { chat: string; file: string; workspace: string }) => [string, unknown?],
][] = [
  [
    'forwards a message',
    (own, { chat }) => [`/api/chats/${own}/forwards`, { from_chat_id: chat, seq: 2, client_id: 'forwarded' }],
  ],
  ['forwards a file', (own, { chat }) => [`/api/chats/${own}/files`, { file_id: fixture.file, from_chat_id: chat }]],
  ['sends a file', (own, { file }) => [`/api/chats/${own}/files`, { file_id: file }]],
  ['fetches a file', (own, { file }) => [`/api/chats/${own}/files/${file}`]],
  ['uploads into a workspace', (_, { workspace }) => ['/api/files', { name: 'x', size: 1, workspace_id: workspace }]],
  [
    'creates in a workspace',
    (_, { workspace }) => ['/api/chats', { type: 'PublicChannel', name: 'x', workspace_id: workspace }],
  ],
  ['finds channels of a workspace', (_, { workspace }) => [`/api/channels?workspace_id=${workspace}`]],
];
describe.each(NAMING)('who %s', (_what, call) => {
  it.each(OUTSIDERS)('and is the %s finds what others have as if there were none', async (role) => {
    const { token } = fixture[role];
    const { body } = await api<{ id: string }>('/api/chats', { token, body: { type: 'Group', name: 'Own' } });
    const tried = async (named: { chat: string; file: string; workspace: string }) => {
      const [path, payload] = call(body.id, named);
      return told(await request(path, { token, ...(payload === undefined ? {} : { body: payload }) }));
    };
    const none = await tried({ chat: newId('chat'), file: newId('file'), workspace: newId('ws') });
    expect(none).toMatchObject({ status: 404, code: 'not_found' });
    const { file, workspace } = fixture;
    for (const chat of [fixture.group, fixture.channel]) expect(await tried({ chat, file, workspace })).toEqual(none);
  });
});

it.each(OUTSIDERS)('frames of the %s on the inbox find no conversation of others', async (role) => {
  const before = await state();
  const socket = await openSocket('/api/ws', fixture[role].token);
  const tried = async (frame: Record<string, unknown>, chat_id: string) => {
    socket.send({ ...frame, chat_id });
    const { chat_id: _, ...error } = await socket.next('error');
    return error;
  };
  for (const frame of [
    { t: 'send', client_id: 'a', content: 'x' },
    { t: 'change', client_id: 'b', seq: 2, change: { type: 'recall' } },
    { t: 'pull', after: 0 },
  ]) {
    const none = await tried(frame, newId('chat'));
    expect(none.code).toBe('not_found');
    for (const chat of [fixture.group, fixture.channel]) expect(await tried(frame, chat)).toEqual(none);
  }
  socket.close();
  expect(await state()).toBe(before);
});
