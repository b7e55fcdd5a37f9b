import { createRoute, z } from '@hono/zod-openapi';
import type { TypedResponse } from 'hono';
import { authenticated } from '../auth/middleware.ts';
import { inChat } from '../chats/directory.ts';
import { LIMITS } from '../protocol/limits.ts';
import { MessagePage } from '../protocol/messages.ts';
import { params, problems, router } from './api.ts';

const exported = createRoute({
  method: 'get',
  path: '/api/chats/{id}/export',
  operationId: 'exportChat',
  tags: ['Messages'],
  summary: 'Export a conversation',
  description:
    'Every message that you may see, as it is now, replies of threads included: one `Message` in a line, ascending. A stream that ends without an empty last line was cut: begin anew.',
  security: [{ bearer: [] }],
  middleware: authenticated,
  request: { params: params.chat },
  responses: {
    200: { description: 'JSON Lines', content: { 'application/jsonl': { schema: z.string() } } },
    ...problems('secured', 'forbidden', 'not_found'),
  },
});

export const exports = router().openapi(exported, async (c) => {
  const { id } = c.req.valid('param');
  const pageAfter = async (after: number) => {
    const wanted = { type: 'export' as const, after, limit: LIMITS.pageMax };
    const page = await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.ask(user, wanted));
    return MessagePage.parse(JSON.parse(page));
  };
  // The first page is read before the answer begins: a refusal is an answer of its own.
  let page: MessagePage | undefined = await pageAfter(0);
  const encoder = new TextEncoder();
  const lines = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (page === undefined) return controller.close();
      const text = page.items.map((message) => `${JSON.stringify(message)}\n`).join('');
      const last = page.items.at(-1);
      const more = page.has_more && last !== undefined;
      controller.enqueue(encoder.encode(more ? text : `${text}\n`));
      page = more ? await pageAfter(last.seq) : undefined;
    },
  });
  const response: Response = c.body(lines, 200, {
    'content-type': 'application/jsonl',
    'content-disposition': `attachment; filename="${id}.jsonl"`,
  });
  // Its type would be JSON's by the name of its media type; it is lines of JSON.
  return response as Response & TypedResponse<string, 200, 'json'>;
});
