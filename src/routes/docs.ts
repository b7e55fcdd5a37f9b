import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { html } from 'hono/html';
import { type ApiEnv, passJson, problems, router } from './api.ts';
import { version } from './health.ts';

const TAGS = [
  { name: 'Accounts', description: 'Sign-up, sign-in and sessions' },
  { name: 'Users', description: 'Profiles and presence' },
  { name: 'Chats', description: 'Conversations' },
  { name: 'Members', description: 'Who is in a conversation' },
  { name: 'Messages', description: 'Messages and the log' },
  { name: 'Workspaces', description: 'Workspaces and who is in them' },
  { name: 'Sync', description: 'What changed since a device last looked' },
  { name: 'Notifications', description: 'What concerns the user' },
  { name: 'Realtime', description: 'WebSockets and server-sent events' },
  { name: 'Administration', description: 'For the operator' },
  { name: 'System', description: 'Health, keys, this document' },
];

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token' },
  admin: { type: 'http', scheme: 'bearer', description: "The operator's ADMIN_TOKEN" },
} as const;

/** The OpenAPI document of every route that was mounted on `app`. */
function documentOf(app: OpenAPIHono<ApiEnv>, publicUrl: string) {
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES)) {
    app.openAPIRegistry.registerComponent('securitySchemes', name, scheme);
  }
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Tideline',
      version,
      description:
        'A chat backend at the edge. Errors are problem documents (RFC 9457) with a stable `code`. Times are RFC 3339 in UTC with milliseconds; ids are opaque.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: publicUrl }],
    tags: TAGS,
  });
}

const ASSETS = '/docs';

/** The page that shows the document and tries it out. Nothing but its own files and its own server is reached. */
function docsPage(publicUrl: string): { page: ReturnType<typeof html>; policy: string } {
  const nonce = crypto.randomUUID();
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    `connect-src 'self' ${new URL(publicUrl).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tideline API</title>
<link rel="stylesheet" href="${ASSETS}/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="${ASSETS}/swagger-ui-bundle.js"></script>
<script nonce="${nonce}">SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true, validatorUrl: null });</script>
</body>
</html>`;
  return { page, policy };
}

const openapi = createRoute({
  method: 'get',
  path: '/openapi.json',
  operationId: 'getOpenApi',
  tags: ['System'],
  summary: 'This document',
  description: 'OpenAPI 3.1, made from the schemas that check requests.',
  security: [],
  responses: {
    200: { description: 'The document', content: { 'application/json': { schema: z.looseObject({}) } } },
    ...problems(),
  },
});

const page = createRoute({
  method: 'get',
  path: '/docs',
  operationId: 'getDocs',
  tags: ['System'],
  summary: 'A page to read this document and try it out',
  description: 'HTML; its scripts come from this server alone.',
  security: [],
  responses: { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } }, ...problems() },
});

/** `app` gives the router on which everything is mounted, this one included. */
export function docs(app: () => OpenAPIHono<ApiEnv>) {
  let written: { publicUrl: string; text: string } | undefined;
  return router()
    .openapi(openapi, (c) => {
      const { publicUrl } = c.var.config;
      if (written?.publicUrl !== publicUrl) {
        written = { publicUrl, text: JSON.stringify(documentOf(app(), publicUrl)) };
      }
      return passJson(c, written.text);
    })
    .openapi(page, (c) => {
      const { page, policy } = docsPage(c.var.config.publicUrl);
      c.header('Content-Security-Policy', policy);
      return c.html(page);
    });
}
