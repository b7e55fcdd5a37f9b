import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { Context, TypedResponse } from 'hono';
import type { JSONParsed } from 'hono/utils/types';
import type { Config } from '../config.ts';
import type { Json } from '../conversation/api.ts';
import { ApiError } from '../errors.ts';
import type { Identity } from '../inbox/api.ts';
import {
  ChatId,
  ClientId,
  FileId,
  FriendGroupId,
  InvitationId,
  queryInt,
  Seq,
  SessionId,
  UserId,
  WorkspaceId,
  WorkspaceInvitationId,
} from '../protocol/common.ts';
import { Emoji } from '../protocol/current.ts';
import { ERRORS, type ErrorCode, Problem, type Result } from '../protocol/errors.ts';

export interface ApiEnv {
  Bindings: Env;
  Variables: { config: Config; identity: Identity; requestId: string };
}
export type ApiContext = Context<ApiEnv>;

/** A router whose refused inputs become problem documents. One per resource; `app.ts` chains them. */
export const router = () =>
  new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      // What is no id names nothing: the same answer as for an id that nobody has.
      if (result.target === 'param') throw new ApiError('not_found', 'There is nothing at this address');
      throw ApiError.fromZod(result.error);
    },
  });

/** A JSON answer or body in a route's declaration. */
export const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
export const body = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { 'application/json': { schema } },
});

export const QuerySeq = queryInt(Seq);
/** A page goes one way. */
export const oneDirection = [
  (query: { before?: number | undefined; after?: number | undefined }) =>
    query.before === undefined || query.after === undefined,
  { error: 'give before or after, not both' },
] as const;

/** The path parameters of the routes. */
export const params = {
  user: z.object({ id: UserId }),
  session: z.object({ id: SessionId }),
  chat: z.object({ id: ChatId }),
  message: z.object({ id: ChatId, seq: queryInt(Seq.min(1)) }),
  reaction: z.object({ id: ChatId, seq: queryInt(Seq.min(1)), emoji: Emoji }),
  scheduled: z.object({ id: ChatId, client_id: ClientId }),
  chatMember: z.object({ id: ChatId, user_id: UserId }),
  file: z.object({ id: FileId }),
  filePart: z.object({ id: FileId, number: queryInt(z.int().min(1).max(10_000)) }),
  chatFile: z.object({ id: ChatId, file_id: FileId }),
  chatInvitation: z.object({ id: ChatId, invitation_id: InvitationId }),
  workspace: z.object({ id: WorkspaceId }),
  friendGroup: z.object({ id: FriendGroupId }),
  workspaceMember: z.object({ id: WorkspaceId, user_id: UserId }),
  workspaceInvitation: z.object({ id: WorkspaceId, invitation_id: WorkspaceInvitationId }),
};

/** A page of a list that goes on behind `next_cursor`. */
export const pageOf = <S extends z.ZodType>(item: S, name: string) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() }).meta({ id: name });

/** What any route may answer. */
const COMMON: ErrorCode[] = ['internal', 'unavailable'];
/** What a route that takes an access token may answer. */
const SECURED: ErrorCode[] = [
  'malformed',
  'unauthenticated',
  'token_expired',
  'session_ended',
  'suspended',
  'rate_limited',
];
/** What a route that takes a JSON body may answer. */
const WITH_BODY: ErrorCode[] = ['malformed', 'invalid', 'too_large', 'unsupported_media_type'];

/** The refusals of a route in its declaration, by code; the common ones are added. */
export function problems(...codes: (ErrorCode | 'secured' | 'body')[]): Record<never, never> {
  const all = new Set(
    [...codes, ...COMMON].flatMap((code) => (code === 'secured' ? SECURED : code === 'body' ? WITH_BODY : [code])),
  );
  const byStatus = Map.groupBy(all, (code) => ERRORS[code].status);
  const responses: RouteConfig['responses'] = {};
  for (const [status, list] of byStatus) {
    responses[status] = {
      description: list.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
      content: { 'application/problem+json': { schema: Problem } },
    };
  }
  return responses;
}

/** The value of a result, or the refusal as the error that becomes its problem document. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw ApiError.fromRefusal(result.refusal);
}

/** The answer without a body. */
export const noContent = (description: string) => ({ 204: { description } });

/** Characters from which an answer is worth compressing. */
const WORTH_COMPRESSING = 4096;

/**
 * Answers with JSON that an object has written already: not parsed, not written again. On Cloudflare the platform compresses
 * what the client takes compressed; elsewhere the runtime does, once the header says so.
 */
export function passJson<T>(c: ApiContext, text: Json<T>): Response & TypedResponse<JSONParsed<T>, 200, 'json'> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (c.var.config.environment === 'local' && text.length >= WORTH_COMPRESSING) {
    headers.vary = 'Accept-Encoding';
    if (/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(c.req.header('accept-encoding') ?? '')) {
      headers['content-encoding'] = 'gzip';
    }
  }
  const response: Response = c.body(text, 200, headers);
  // The text is JSON of a T: that is what Json<T> says, and all that the response's type could say.
  return response as Response & TypedResponse<JSONParsed<T>, 200, 'json'>;
}

type Compact<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the properties that are undefined: an absent value and an undefined one are different types. */
export const compact = <T extends object>(value: T): Compact<T> =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Compact<T>;
