import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { z } from 'zod';
import { hostile, type JsonSchema, nearly, valid } from '../../test/security/arbitrary.ts';
import { ROOT } from '../bundle.ts';
import { textOf } from './account.ts';

/*
 * Requests made from the published document: right ones, nearly right ones and hostile ones, at a server that has lived through a
 * schedule. `test/security/fuzz.test.ts` holds the answers against the document; here they have to be no fault, and typed.
 */

const Schema = z.record(z.string(), z.unknown());
const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        requestBody: z.object({ content: z.record(z.string(), z.object({ schema: Schema })) }).optional(),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), Schema) }),
});

/** They cost a password hash, end the session that asks, or do not end. */
const LEFT_OUT = new Set([
  ...['signUp', 'signIn', 'changePassword', 'resetPassword', 'signOut', 'signOutEverywhere', 'endSession'],
  ...['openInboxSocket', 'openChatSocket', 'streamEvents'],
]);
const PATIENCE = 20_000;
/** Requests under way at the same time. */
const WIDTH = 4;

interface Shot {
  method: string;
  path: string;
  body: string | undefined;
}
/** Ids that mean something on this server. */
export interface Known {
  chat: string;
  workspace: string;
  user: string;
}
export interface Hit {
  request: string;
  /** 0: there was no answer. */
  status: number;
  /** Of a refusal. */
  code: string | null;
}

function arbitraryShot(known: Known): fc.Arbitrary<Shot> {
  const { paths, components } = Document.parse(JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')));
  const find = (ref: string): JsonSchema => components.schemas[ref.slice(ref.lastIndexOf('/') + 1)] ?? {};
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId, requestBody }]) =>
      LEFT_OUT.has(operationId)
        ? []
        : [{ path, method: method.toUpperCase(), schema: requestBody?.content['application/json']?.schema }],
    ),
  );
  const odd = fc.constantFrom('x', '%00', '..%2f..', '0', '-1', '9'.repeat(25), "'", '%F0%9F%8C%8A', '%0d%0aX:%20a');
  const users = { user_id: fc.constant(known.user), user_ids: fc.constant([known.user]) };
  return fc.constantFrom(...operations).chain(({ path, method, schema }) => {
    const own = path.startsWith('/api/workspaces')
      ? known.workspace
      : path.startsWith('/api/chats')
        ? known.chat
        : known.user;
    const usual: Record<string, string> = { id: own, user_id: known.user, seq: '2', emoji: '%F0%9F%91%8D' };
    const right = (name: string) => fc.constant(usual[name] ?? '1');
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const values = fc.tuple(...names.map((name) => fc.oneof({ weight: 4, arbitrary: right(name) }, odd)));
    const query = fc.option(
      fc.tuple(fc.constantFrom('limit', 'after', 'cursor', 'q', 'x'), fc.string({ maxLength: 20 })),
    );
    const fits = schema === undefined ? fc.constant(undefined) : valid(schema, find, users);
    const bodies = schema === undefined ? fits : fc.oneof(fits, nearly(fits), nearly(nearly(fits)), hostile);
    return fc.tuple(values, query, bodies).map(([parts, asked, body]) => ({
      method,
      path:
        names.reduce((filled, name, index) => filled.replace(`{${name}}`, parts[index] ?? ''), path) +
        (asked === null ? '' : `?${new URLSearchParams([asked])}`),
      body: body === undefined ? undefined : JSON.stringify(body),
    }));
  });
}

async function shoot(url: string, token: string, { method, path, body }: Shot): Promise<Hit> {
  const request = `${method} ${path} ${body ?? ''}`.slice(0, 500);
  try {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const text = await answer.text();
    return { request, status: answer.status, code: answer.status < 400 ? null : codeIn(text) };
  } catch {
    return { request, status: 0, code: null };
  }
}

function codeIn(text: string): string | null {
  try {
    return textOf(JSON.parse(text), 'code') || null;
  } catch {
    return null;
  }
}

/** Sends so many requests as somebody who may do much. The same seed sends the same ones. */
export async function fuzz(
  server: { url: string; token: string },
  known: Known,
  { count, seed }: { count: number; seed: number },
): Promise<Hit[]> {
  if (count === 0) return [];
  const shots = fc.sample(arbitraryShot(known), { numRuns: count, seed });
  const hits: Hit[] = [];
  const rest = shots[Symbol.iterator]();
  const lane = async () => {
    for (const shot of rest) hits.push(await shoot(server.url, server.token, shot));
  };
  await Promise.all(Array.from({ length: WIDTH }, lane));
  return hits;
}
