import { createRoute, z } from '@hono/zod-openapi';
import { authenticated } from '../auth/middleware.ts';
import { database } from '../db/client.ts';
import { ApiError } from '../errors.ts';
import { fileInChat, infoOf, linkFile, ownFile } from '../files/files.ts';
import { QUOTA, usedBy } from '../files/quota.ts';
import { serve } from '../files/serve.ts';
import { abortUpload, completeUpload, getUpload, startUpload, uploadAtOnce, uploadPart } from '../files/uploads.ts';
import {
  CreateUpload,
  FileInfo,
  FileTicket,
  FileTicketRequest,
  Storage,
  Upload,
  UploadPart,
  UploadQuery,
} from '../protocol/files.ts';
import { type ApiContext, body, compact, json, params, problems, router } from './api.ts';
import { unread } from './guard.ts';

const tags = ['Files'];
const security = [{ bearer: [] }];
const middleware = authenticated;
const BYTES = 'application/octet-stream';
const bytes = { required: true, content: { [BYTES]: { schema: z.string().meta({ format: 'binary' }) } } };

const atOnce = createRoute({
  method: 'post',
  path: '/api/uploads',
  operationId: 'uploadFile',
  tags,
  summary: 'Upload a file in one request',
  description:
    'The body is the content, of any Content-Type: what it is, the content says. Needs a Content-Length. What is larger than a few megabytes better comes in parts, which a cut connection does not lose.',
  security,
  middleware: [unread, authenticated] as const,
  request: { query: UploadQuery, body: bytes },
  responses: {
    201: json(FileInfo, 'The file'),
    ...problems('secured', 'invalid', 'not_found', 'too_large', 'quota_exceeded'),
  },
});

const part = createRoute({
  method: 'put',
  path: '/api/files/{id}/parts/{number}',
  operationId: 'uploadPart',
  tags,
  summary: 'Upload a part of a file',
  description:
    'The body is the part: `part_size` bytes from `(number - 1) * part_size` on, the last part what is left. Parts come in any order, several at once, and again if need be.',
  security,
  middleware: [unread, authenticated] as const,
  request: { params: params.filePart, body: bytes },
  responses: { 200: json(UploadPart, 'The part that arrived'), ...problems('secured', 'invalid', 'not_found') },
});

const start = createRoute({
  method: 'post',
  path: '/api/files',
  operationId: 'startUpload',
  tags,
  summary: 'Begin a file that comes in parts',
  description: 'Reserves the space. After a cut, `GET /api/files/{id}/upload` says which parts have arrived.',
  security,
  middleware,
  request: { body: body(CreateUpload) },
  responses: { 201: json(Upload, 'What to send'), ...problems('secured', 'body', 'not_found', 'quota_exceeded') },
});

const state = createRoute({
  method: 'get',
  path: '/api/files/{id}/upload',
  operationId: 'getUpload',
  tags,
  summary: 'How far a file has come',
  description: 'For its uploader, until it is complete.',
  security,
  middleware,
  request: { params: params.file },
  responses: { 200: json(Upload, 'The parts that have arrived'), ...problems('secured', 'not_found') },
});

const abort = createRoute({
  method: 'delete',
  path: '/api/files/{id}/upload',
  operationId: 'abortUpload',
  tags,
  summary: 'Give up a file that is on its way',
  description: 'Drops its parts and frees its space.',
  security,
  middleware,
  request: { params: params.file },
  responses: { 204: { description: 'The upload is gone' }, ...problems('secured', 'not_found') },
});

const complete = createRoute({
  method: 'post',
  path: '/api/files/{id}/complete',
  operationId: 'completeUpload',
  tags,
  summary: 'Make a file of its parts',
  description:
    'The content is read once more: its SHA-256 and its type are what it is, not what was said. Asked again, it answers the same.',
  security,
  middleware,
  request: { params: params.file },
  responses: {
    200: json(FileInfo, 'The file'),
    ...problems('secured', 'invalid', 'not_found', 'conflict'),
  },
});

const get = createRoute({
  method: 'get',
  path: '/api/files/{id}',
  operationId: 'getFile',
  tags,
  summary: 'A file of one’s own',
  description: 'What a message shows of it.',
  security,
  middleware,
  request: { params: params.file },
  responses: { 200: json(FileInfo, 'The file'), ...problems('secured', 'not_found') },
});

const link = createRoute({
  method: 'post',
  path: '/api/chats/{id}/files',
  operationId: 'createFileTicket',
  tags,
  summary: 'Get leave to send a file',
  description:
    'A ticket lets the caller send the file into this conversation, for a week. The file is their own or, with `from_chat_id`, one that they see there.',
  security,
  middleware,
  request: { params: params.chat, body: body(FileTicketRequest) },
  responses: {
    201: json(FileTicket, 'The ticket, and what it says of the file'),
    ...problems('secured', 'body', 'forbidden', 'not_found'),
  },
});

const storage = createRoute({
  method: 'get',
  path: '/api/users/me/storage',
  operationId: 'getStorage',
  tags,
  summary: 'Space that the own files take',
  description: 'Bytes of what the caller has uploaded and of what is on its way, and how many there may be.',
  security,
  middleware,
  responses: { 200: json(Storage, 'Bytes'), ...problems('secured') },
});

const ranged = {
  headers: z.object({
    range: z.string().optional().openapi({ description: 'One range of bytes, `bytes=0-1023`' }),
    'if-none-match': z.string().optional().openapi({ description: 'The `ETag` that the reader holds' }),
    'if-match': z.string().optional(),
    'if-range': z.string().optional(),
  }),
};
const content = {
  200: {
    description: 'The content, by its own media type',
    content: { '*/*': { schema: z.string().meta({ format: 'binary' }) } },
  },
  206: { description: 'The range', content: { '*/*': { schema: z.string().meta({ format: 'binary' }) } } },
  304: { description: 'It is the one that the reader holds' },
};
const contentText =
  'With `ETag`, `Range` and conditional requests. Pictures, sound and films of known kinds come to be shown (`inline`), anything else, HTML and SVG too, to be saved (`attachment`), all of it in a sandbox. Whether the caller may have it is decided anew at each request.';

const own = createRoute({
  method: 'get',
  path: '/api/files/{id}/content',
  operationId: 'getFileContent',
  tags,
  summary: 'The content of a file of one’s own',
  description: contentText,
  security,
  middleware,
  request: { params: params.file, ...ranged },
  responses: { ...content, ...problems('secured', 'not_found', 'precondition_failed', 'range_not_satisfiable') },
});

const inChat = createRoute({
  method: 'get',
  path: '/api/chats/{id}/files/{file_id}',
  operationId: 'getChatFile',
  tags,
  summary: 'The content of a file in a conversation',
  description: `For members who may see a message that carries it. ${contentText}`,
  security,
  middleware,
  request: { params: params.chatFile, ...ranged },
  responses: { ...content, ...problems('secured', 'not_found', 'precondition_failed', 'range_not_satisfiable') },
});

/** The length that a request announces. */
function lengthOf(c: ApiContext): number | undefined {
  const header = c.req.header('content-length');
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function streamOf(c: ApiContext): ReadableStream<Uint8Array> {
  if (c.req.raw.body === null) throw new ApiError('invalid', 'There is no body: it is the content');
  return c.req.raw.body;
}

/** The routes that take a content. They stand before the rule that reads bodies. */
export const contents = router()
  .openapi(atOnce, async (c) => {
    const { name, workspace_id, sha256, ...about } = compact(c.req.valid('query'));
    const size = lengthOf(c);
    if (size === undefined || size < 1) throw new ApiError('invalid', 'Send the content with its Content-Length');
    const input = compact({ name, size, workspace_id, sha256, about: compact(about) });
    return c.json(infoOf(await uploadAtOnce(c.env, c.var.identity.user_id, input, streamOf(c), Date.now())), 201);
  })
  .openapi(part, async (c) => {
    const { id, number } = c.req.valid('param');
    const at = { fileId: id, number, length: lengthOf(c) };
    return c.json(await uploadPart(c.env, c.var.identity.user_id, at, streamOf(c), Date.now()), 200);
  });

export const files = router()
  .openapi(start, async (c) =>
    c.json(await startUpload(c.env, c.var.identity.user_id, c.req.valid('json'), Date.now()), 201),
  )
  .openapi(state, async (c) =>
    c.json(await getUpload(c.env, c.var.identity.user_id, c.req.valid('param').id, Date.now()), 200),
  )
  .openapi(abort, async (c) => {
    await abortUpload(c.env, c.var.identity.user_id, c.req.valid('param').id, Date.now());
    return c.body(null, 204);
  })
  .openapi(complete, async (c) =>
    c.json(infoOf(await completeUpload(c.env, c.var.identity.user_id, c.req.valid('param').id, Date.now())), 200),
  )
  .openapi(get, async (c) =>
    c.json(infoOf(await ownFile(database(c.env), c.req.valid('param').id, c.var.identity.user_id)), 200),
  )
  .openapi(link, async (c) => {
    const { identity, config } = c.var;
    const { id } = c.req.valid('param');
    return c.json(await linkFile(c.env, config, identity.user_id, id, c.req.valid('json'), Date.now()), 201);
  })
  .openapi(storage, async (c) =>
    c.json({ used: await usedBy(database(c.env), c.var.identity.user_id), limit: QUOTA.user }, 200),
  )
  .openapi(own, async (c) =>
    serve(c.env, await ownFile(database(c.env), c.req.valid('param').id, c.var.identity.user_id), c.req.raw),
  )
  .openapi(inChat, async (c) => {
    const { id, file_id } = c.req.valid('param');
    return serve(c.env, await fileInChat(c.env, id, file_id, c.var.identity.user_id), c.req.raw);
  });
