import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ClientFrame } from '../../src/protocol/frames.ts';
import { api, request, signUp } from '../support/api.ts';
import { Contract, type Operation } from '../support/contract.ts';
import { eventually } from '../support/objects.ts';
import { openSocket, type TestSocket } from '../support/socket.ts';
import { HOSTILE, hostile, type JsonSchema, nearly, valid } from './arbitrary.ts';
import { bodies, type Fixture, fill, newFixture } from './fixture.ts';
import { operationsOf, POLICIES, SOCKETS, STREAMS } from './policies.ts';

/*
 * Requests and frames made from the protocol's own schemas: right ones, nearly right ones and hostile ones, against the
 * whole system. Whatever comes in, the answer is one that the document declares, and none is a fault.
 */

const contract = await Contract.load();
const RUNS = { usual: 25, slow: 6 };
/** Each costs a password hash. */
const SLOW = ['signUp', 'signIn', 'changePassword'];
/** These would take the ground from under the others: they are tried on somebody of their own. */
const SELF = ['signOut', 'signOutEverywhere', 'changePassword', 'updateMe', 'endSession'];

let fixture: Fixture;
const fuzzed = { requests: 0, messages: 0 };
beforeAll(async () => {
  fixture = await newFixture();
});
afterAll(() => {
  console.info(`fuzzed: ${fuzzed.requests} requests, ${fuzzed.messages} messages on sockets`);
});

/** Ids that mean something here, among others that do not. */
const named = (): Record<string, fc.Arbitrary<unknown>> => {
  const someone = fc.constantFrom(fixture.owner.id, fixture.member.id, fixture.stranger.id, fixture.former.id);
  return {
    user_ids: fc.array(someone, { minLength: 1, maxLength: 5 }),
    members: fc.array(someone, { maxLength: 5 }),
    mentions: fc.array(someone, { minLength: 1, maxLength: 3 }),
    workspace_id: fc.constantFrom(fixture.workspace, null),
    client_id: fc.constantFrom('a', 'b', 'canary'),
    reply_to: fc.integer({ min: 1, max: 10 }),
  };
};

const IDS: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('x', '%00', '..%2f..', '%', 'chat_', '%F0%9F%8C%8A', "'", '1e9', '-1', ' ', '%0d%0aX-Evil:%20a'),
  fc.string({ maxLength: 40 }).map(encodeURIComponent),
  fc.stringMatching(/^(usr|chat|ws|ses)_[0-9a-hjkmnp-tv-z]{26}$/),
);

function paths(operation: Operation): fc.Arbitrary<string> {
  const right = fill(operation.path, {
    id: operation.path.startsWith('/api/chats')
      ? fixture.group
      : operation.path.startsWith('/api/workspaces')
        ? fixture.workspace
        : fixture.member.id,
    user_id: fixture.stranger.id,
  });
  const wrong = fc.tuple(IDS, IDS).map(([id, user_id]) => fill(operation.path, { id, user_id }));
  return operation.path.includes('{')
    ? fc.oneof({ weight: 3, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: wrong })
    : fc.constant(right);
}

function queries(operation: Operation): fc.Arbitrary<string> {
  const names = operation.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  const value = fc.oneof(
    fc.nat(1200).map(String),
    fc.string({ maxLength: 30 }),
    fc.constantFrom('-1', '1.5', '9'.repeat(30), '\u0000'),
  );
  const entry = fc.tuple(fc.constantFrom(...names, 'unknown'), value);
  return fc.array(entry, { maxLength: names.length + 1 }).map((entries) => new URLSearchParams(entries).toString());
}

const texts: fc.Arbitrary<string> = fc.oneof(
  hostile.map((value) => JSON.stringify(value) ?? ''),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
    `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    '{',
    '"',
    '\ufeff{}',
    '{"a":1}{',
    '{"content":"a","content":"b"}',
  ),
);

const operations = [...contract.operations.values()].filter(
  ({ operationId }) => ![...SOCKETS, ...STREAMS].includes(operationId),
);

describe.each(operations)('$operationId', (operation) => {
  const { operationId, method } = operation;
  const numRuns = SLOW.includes(operationId) ? RUNS.slow : RUNS.usual;

  /** Sends it as the one who may the most, and lets the document judge the answer. */
  async function judge(path: string, call: { body?: unknown; raw?: string }): Promise<number> {
    fuzzed.requests += 1;
    const own = SELF.includes(operationId) ? await signUp() : fixture.owner;
    const token = POLICIES[operationId] === 'public' ? undefined : own.token;
    const response = await request(path, {
      method,
      ...(token === undefined ? {} : { token }),
      ...('raw' in call ? { raw: call.raw, headers: { 'content-type': 'application/json' } } : {}),
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    expect(response.status).toBeLessThan(500);
    if (
      response.status === 404 &&
      new URL(path, 'http://x').pathname.split('/').length !== operation.path.split('/').length
    ) {
      // The address became another one.
      return response.status;
    }
    await contract.check(operationId, response);
    return response.status;
  }

  it('takes or refuses what its schema allows, and what it nearly allows', async () => {
    // Destructive ones would leave nothing to try the rest on.
    const path = method === 'DELETE' ? IDS.map((id) => fill(operation.path, { id, user_id: id })) : paths(operation);
    const right = bodies(contract, operation, named());
    const body =
      operation.requestBody === undefined ? right : fc.oneof(right, nearly(right), nearly(nearly(right)), hostile);
    await fc.assert(
      fc.asyncProperty(path, queries(operation), body, async (at, query, value) => {
        const hasQuery = operation.parameters.some((parameter) => parameter.in === 'query');
        await judge(hasQuery && query !== '' ? `${at}?${query}` : at, { body: value });
      }),
      { numRuns },
    );
  });

  if (operation.requestBody !== undefined && method !== 'DELETE') {
    it('refuses what is no JSON, or far too deep', async () => {
      await fc.assert(
        fc.asyncProperty(paths(operation), texts, async (at, raw) => {
          await judge(at, { raw });
        }),
        { numRuns: Math.ceil(numRuns / 2) },
      );
    });
  }
});

describe('frames', () => {
  const schema = z.toJSONSchema(ClientFrame, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const definitions = (schema.$defs ?? {}) as Record<string, JsonSchema>;
  const find = (ref: string): JsonSchema => definitions[ref.slice(ref.lastIndexOf('/') + 1)] ?? {};
  const frames = () =>
    valid(schema, find, {
      ...named(),
      chat_id: fc.constantFrom(fixture.group, fixture.channel),
      seq: fc.nat(20),
      after: fc.nat(20),
    });
  const messages = () =>
    fc.oneof(
      fc.array(fc.oneof(frames(), nearly(frames()), hostile), { maxLength: 5 }).map((list) => JSON.stringify(list)),
      frames().map((frame) => JSON.stringify(frame)),
      nearly(frames()).map((frame) => JSON.stringify(frame)),
      texts,
    );

  /** Every answer is read by its schema when it comes; the socket lives as long as it answers a ping. */
  async function survives(open: () => Promise<TestSocket>): Promise<void> {
    let socket = await open();
    let closed = false;
    void socket.closed.then(() => {
      closed = true;
    });
    await fc.assert(
      fc.asyncProperty(fc.array(messages(), { minLength: 1, maxLength: 6 }), async (texts) => {
        fuzzed.messages += texts.length;
        for (const text of texts) socket.send(text);
        const before = socket.texts.length;
        const pongs = () => socket.texts.filter((text) => text === 'pong').length;
        const answered = pongs();
        socket.send('ping');
        await eventually('an answer to the ping', () => closed || pongs() > answered, 10_000);
        // A token that is no token changes nothing; nothing else may end a socket.
        expect(closed).toBe(false);
        expect(socket.texts.length).toBeGreaterThanOrEqual(before);
        if (socket.texts.length > 3000) {
          socket.close();
          socket = await open();
        }
      }),
      { numRuns: 60 },
    );
    const { token } = fixture.owner;
    expect((await api(`/api/chats/${fixture.group}/events?limit=1`, { token })).status).toBe(200);
    expect((await api('/api/sync', { token })).status).toBe(200);
  }

  it('of any kind are answered on the socket of a conversation', () =>
    survives(() => openSocket(`/api/chats/${fixture.group}/ws?after=0`, fixture.owner.token)));
  it('of any kind are answered on the socket of an inbox', () =>
    survives(() => openSocket('/api/ws', fixture.owner.token)));
});

it('what came through is stored as it was sent: the log is dense and its texts are whole', async () => {
  const { token } = fixture.owner;
  let next = 1;
  for (let more = true; more; ) {
    const page = await api<{ items: { seq: number; content?: string }[]; has_more: boolean }>(
      `/api/chats/${fixture.group}/events?after=${next - 1}&limit=500`,
      { token },
    );
    for (const { seq, content } of page.body.items) {
      expect(seq).toBe(next);
      next += 1;
      expect(content?.isWellFormed() ?? true).toBe(true);
    }
    more = page.body.has_more;
  }
});

it.each(
  operationsOf(contract, 'own', 'owned', 'code', 'chat', 'workspace').filter(
    ({ operationId }) => !SOCKETS.includes(operationId),
  ),
)('$operationId takes no token that is none, whatever is in it', async ({ path, method, operationId }) => {
  for (const token of HOSTILE.filter((value) => typeof value === 'string' && /^[\x21-\x7e]{1,4000}$/.test(value))) {
    const response = await request(fill(path, { id: fixture.group }), { method, token: String(token) });
    expect([operationId, response.status, token]).toEqual([operationId, 401, token]);
  }
});
