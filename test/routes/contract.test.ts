import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { Problem } from '../../src/protocol/errors.ts';
import { type Call, request, signUp } from '../support/api.ts';
import { Contract, type Operation } from '../support/contract.ts';
import { CASES, type Case, type Fixture, newGroup, newWorkspace, suspend } from './contract-cases.ts';

/*
 * Every operation of the published document, with every answer that it declares. The refusals that follow from the
 * declaration alone are made here for all of them; what an operation does on its own stands in
 * `contract-cases.ts`.
 */

const contract = await Contract.load();

let fixture: Fixture;

beforeAll(async () => {
  const [owner, member, stranger, suspended] = [await signUp(), await signUp(), await signUp(), await signUp()];
  const accounts = { owner, member, stranger, suspended, group: '', workspace: '' };
  fixture = { ...accounts, group: await newGroup(accounts), workspace: await newWorkspace(accounts) };
  await suspend(suspended);
});

/** Operations whose answer does not end on its own: their stream has its own test. */
const STREAMS = ['streamEvents'];
const SOCKETS = ['openInboxSocket', 'openChatSocket'];

/** What `id` names under a path, where it is no user. */
const NAMED: [prefix: string, id: (f: Fixture) => string][] = [
  ['/api/chats', ({ group }) => group],
  ['/api/admin/chats', ({ group }) => group],
  ['/api/workspaces', ({ workspace }) => workspace],
  ['/api/friend-groups', () => newId('fgr')],
];

/** The path parameters that name things of the fixture. */
const defaults = ({ path }: Operation, f: Fixture): Record<string, string> => ({
  id: NAMED.find(([prefix]) => path.startsWith(prefix))?.[1](f) ?? f.member.id,
  user_id: f.member.id,
  file_id: f.member.id,
  number: '1',
  seq: '2',
  emoji: '👍',
  client_id: 'later',
});

const fill = (path: string, values: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? name);

async function answerOf(operation: Operation, made: Omit<Case, 'status'> & Pick<Call, 'raw'>): Promise<Response> {
  const path = fill(operation.path, { ...defaults(operation, fixture), ...made.path });
  const token = made.as === null ? undefined : (made.as ?? fixture.owner).token;
  return request(made.query === undefined ? path : `${path}?${made.query}`, {
    method: operation.method,
    ...(token === undefined ? {} : { token }),
    ...(made.body === undefined ? {} : { body: made.body }),
    ...(made.raw === undefined ? {} : { raw: made.raw }),
    ...(made.headers === undefined ? {} : { headers: made.headers }),
  });
}

async function refused(operation: Operation, code: string, made: Parameters<typeof answerOf>[1]): Promise<void> {
  const response = await answerOf(operation, made);
  const status = response.status;
  const problem = Problem.parse(await contract.check(operation.operationId, response));
  expect(problem.code).toBe(code);
  expect(problem.status).toBe(status);
  expect(problem.request_id).toBe(response.headers.get('x-request-id'));
  expect(problem.detail).not.toBe('');
}

const asJson = { 'content-type': 'application/json' };

describe.each([...contract.operations.keys()])('%s', (id) => {
  const operation = contract.operation(id);
  const schemes = operation.security.flatMap((scheme) => Object.keys(scheme));
  const isSocket = SOCKETS.includes(id);
  /** A token that passes, so that what is refused is what the test spoils. */
  const passing = (): Pick<Case, 'as' | 'headers'> =>
    schemes.includes('admin') ? { as: null, headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` } } : {};
  const spoilt = (headers: Record<string, string>) => ({
    ...passing(),
    headers: { ...passing().headers, ...headers },
  });

  it('gives the answers that it declares', async () => {
    if (STREAMS.includes(id)) {
      const response = await answerOf(operation, {});
      expect(response.status).toBe(200);
      const { body } = response;
      const partial = new Response(body?.pipeThrough(firstChunk()), response);
      expect(await contract.check(id, partial)).toMatch(/^:/);
      return;
    }
    const cases = CASES[id];
    if (cases === undefined) throw new Error(`${id} has no case: add one to CASES`);
    for (const one of await cases(fixture)) {
      const response = await answerOf(operation, one);
      expect([response.status, one.body ?? one.query ?? one.path]).toEqual([
        one.status,
        one.body ?? one.query ?? one.path,
      ]);
      response.webSocket?.accept();
      response.webSocket?.close(1000);
      await contract.check(id, response);
    }
  });

  if (schemes.includes('bearer') && !isSocket) {
    it('refuses who shows no token of a live session', async () => {
      await refused(operation, 'unauthenticated', { as: null });
      for (const authorization of [
        'Bearer x',
        `Basic ${fixture.owner.token}`,
        `Bearer ${fixture.owner.refresh_token}`,
      ]) {
        await refused(operation, 'unauthenticated', { as: null, headers: { authorization } });
      }
      await refused(operation, 'suspended', { as: fixture.suspended });
    });
  }

  if (schemes.length > 0 && !isSocket) {
    it('refuses a token in the address', async () => {
      await refused(operation, 'malformed', { ...passing(), query: `access_token=${fixture.owner.token}` });
    });
  }

  if (operation.path.includes('{id}') && !isSocket) {
    it('does not find what cannot exist', async () => {
      // With a query that is right, where the operation needs one.
      const [first] = (await CASES[id]?.(fixture)) ?? [];
      const query = first?.query === undefined ? {} : { query: first.query };
      await refused(operation, 'not_found', { ...passing(), ...query, path: { id: 'x' } });
      await refused(operation, 'not_found', { ...passing(), ...query, path: { id: 'usr_01KAHQ0Z9PM3V1X8E6T4W2Y7RD' } });
    });
  }

  if (operation.parameters.some((parameter) => parameter.in === 'query') && !isSocket) {
    it('refuses a query that it does not know', async () => {
      await refused(operation, 'invalid', { ...passing(), query: 'unknown=1' });
    });
  }

  if (operation.parameters.some((parameter) => parameter.name === 'limit')) {
    it.each(['0', '1001', '1.5', 'x', ''])('refuses limit=%s', async (limit) => {
      await refused(operation, 'invalid', { ...passing(), query: `limit=${limit}` });
    });
  }

  // What else a body may be, a file's bytes, nobody parses.
  if (operation.requestBody?.content['application/json'] !== undefined) {
    it('refuses bodies that are no JSON object of its schema', async () => {
      await refused(operation, 'malformed', { ...spoilt(asJson), raw: '{"a":' });
      await refused(operation, 'malformed', { ...spoilt(asJson), raw: new Uint8Array([0x22, 0xff, 0x22]) });
      await refused(operation, 'unsupported_media_type', { ...spoilt({ 'content-type': 'text/plain' }), raw: '{}' });
      await refused(operation, 'invalid', { ...passing(), body: [] });
      await refused(operation, 'invalid', { ...passing(), body: 'text' });
      await refused(operation, 'invalid', { ...passing(), body: { unknown_key: true } });
    });

    it('refuses a body over the limit, whatever its length claims', async () => {
      const raw = JSON.stringify({ filler: 'x'.repeat(64 * 1024) });
      await refused(operation, 'too_large', { ...spoilt(asJson), raw });
      await refused(operation, 'too_large', { ...spoilt({ ...asJson, 'content-length': '10' }), raw });
    });
  }
});

it('every declared answer was given, but for faults and limits', () => {
  // Limits are proved in limits.strict.test.ts, friends.test.ts and kept.test.ts, faults in call.test.ts, the race for a password in
  // sessions.test.ts.
  expect(contract.unseen([429, 500, 503])).toEqual([
    'changePassword 409',
    'acceptFriendRequest 409',
    'createFriendGroup 409',
    'blockUser 409',
    'putDraft 409',
    'saveMessage 409',
  ]);
});

/** Ends a stream after its first chunk. */
function firstChunk(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      controller.terminate();
    },
  });
}
