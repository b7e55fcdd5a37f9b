import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { type Account, api, request, signIn } from '../support/api.ts';
import { Contract, type Operation } from '../support/contract.ts';
import { openSocket } from '../support/socket.ts';
import { bodies, type Fixture, fill, newFixture } from './fixture.ts';
import { operationsOf, POLICIES, QUERIES, SOCKETS, STREAMS } from './policies.ts';

/*
 * Broken object level authorisation, by construction: each route of the published document, tried by everybody who has
 * no business there. To them an object that exists answers as one that does not.
 */

const contract = await Contract.load();
const OUTSIDERS = ['stranger', 'former', 'neighbour'] as const;
const ATTEMPTS = 3;

let fixture: Fixture;
beforeAll(async () => {
  fixture = await newFixture();
});

const withBody = (operation: Operation, seed: number): unknown =>
  fc.sample(bodies(contract, operation), { numRuns: 1, seed })[0];

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
  const body = withBody(operation, seed);
  const query = QUERIES[operation.operationId];
  const response = await request(query === undefined ? path : `${path}?${query}`, {
    method: operation.method,
    token: who.token,
    ...(body === undefined ? {} : { body }),
  });
  const answer = JSON.parse((await response.text()) || 'null') as { code?: string; detail?: string } | null;
  return { status: response.status, code: answer?.code, detail: answer?.detail };
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
  ]);
  const { workspace } = fixture;
  const all = [...paths, `/api/workspaces/${workspace}`, `/api/workspaces/${workspace}/members`, '/api/auth/sessions'];
  return (await Promise.all(all.map(read))).join('\n');
}

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
  const nowhere = () => ({ id: newId('chat'), user_id: fixture.member.id });
  it.each(OUTSIDERS)('a conversation is to the %s as if there were none', async (role) => {
    const before = await state();
    for (const id of [fixture.group, fixture.channel]) {
      for (let seed = 0; seed < (operation.requestBody === undefined ? 1 : ATTEMPTS); seed++) {
        const who = fixture[role];
        const there = await attempt(operation, who, fill(operation.path, { id, user_id: fixture.member.id }), seed);
        const none = await attempt(operation, who, fill(operation.path, nowhere()), seed);
        expect(there).toEqual(none);
        expect(there).toMatchObject(refusal(operation, 'not_found'));
      }
    }
    expect(await state()).toBe(before);
  });

  it('somebody suspended is refused, although they are a member', async () => {
    const before = await state();
    const path = fill(operation.path, { id: fixture.group, user_id: fixture.member.id });
    expect(await attempt(operation, fixture.suspended, path, 1)).toMatchObject(refusal(operation, 'suspended'));
    expect(await state()).toBe(before);
  });
});

describe.each(operationsOf(contract, 'workspace'))('$operationId', (operation) => {
  it.each(OUTSIDERS)('a workspace is to the %s as if there were none', async (role) => {
    const before = await state();
    for (let seed = 0; seed < (operation.requestBody === undefined ? 1 : ATTEMPTS); seed++) {
      const who = fixture[role];
      const values = { id: fixture.workspace, user_id: fixture.member.id };
      const there = await attempt(operation, who, fill(operation.path, values), seed);
      const none = await attempt(operation, who, fill(operation.path, { ...values, id: newId('ws') }), seed);
      expect(there).toEqual(none);
      expect(there).toMatchObject(refusal(operation, 'not_found'));
    }
    expect(await state()).toBe(before);
  });

  it('somebody suspended is refused, although they are a member', async () => {
    const path = fill(operation.path, { id: fixture.workspace, user_id: fixture.member.id });
    expect(await attempt(operation, fixture.suspended, path, 1)).toMatchObject(refusal(operation, 'suspended'));
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

const elsewhere = operationsOf(contract, 'own', 'profile', 'person', 'session', 'relation').filter(
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

it.each(operationsOf(contract, 'session'))(
  '$operationId does not find the session of somebody else',
  async (operation) => {
    const other = await signIn(fixture.owner, 'Canary Device');
    const sessions = await api<{ items: { id: string }[] }>('/api/auth/sessions', { token: other.token });
    for (const { id } of sessions.body.items) {
      const there = await attempt(operation, fixture.stranger, fill(operation.path, { id }), 1);
      expect(there).toEqual(await attempt(operation, fixture.stranger, fill(operation.path, { id: newId('ses') }), 1));
      expect(there.status).toBe(404);
    }
    expect((await api('/api/users/me', { token: other.token })).status).toBe(200);
  },
);

it.each(operationsOf(contract, 'person'))(
  '$operationId is as for nobody to who has nothing to do with them',
  async (operation) => {
    const there = await attempt(operation, fixture.stranger, fill(operation.path, { id: fixture.owner.id }), 1);
    expect(there).toEqual(await attempt(operation, fixture.stranger, fill(operation.path, { id: newId('usr') }), 1));
    expect(there.status).toBe(404);
  },
);

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
  }
});
