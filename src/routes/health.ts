import { createRoute, z } from '@hono/zod-openapi';
import packageJson from '../../package.json' with { type: 'json' };
import { publicKeys } from '../auth/keys.ts';
import { logError } from '../log.ts';
import { json, problems, router } from './api.ts';

/** Milliseconds in which D1 has to answer. */
const PATIENCE = 2_000;

export const version = packageJson.version;

const Health = z
  .object({ status: z.enum(['ok', 'unavailable']), version: z.string(), environment: z.string() })
  .meta({ id: 'Health' });

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'health',
  tags: ['System'],
  summary: 'Whether the system serves',
  description: 'Asks the database.',
  security: [],
  responses: { 200: json(Health, 'It serves'), ...problems(), 503: json(Health, 'The database does not answer') },
});

const Jwks = z
  .object({
    keys: z.array(
      z.object({
        kty: z.string(),
        crv: z.string(),
        x: z.string(),
        kid: z.string(),
        use: z.string(),
        alg: z.string(),
      }),
    ),
  })
  .meta({ id: 'Jwks' });

const jwks = createRoute({
  method: 'get',
  path: '/.well-known/jwks.json',
  operationId: 'jwks',
  tags: ['System'],
  summary: 'Public keys of the tokens',
  description: 'With these anybody can verify an access token: EdDSA, the key named by `kid`.',
  security: [],
  responses: { 200: json(Jwks, 'A JSON Web Key Set'), ...problems() },
});

async function databaseAnswers(env: Env): Promise<boolean> {
  const late = new AbortController();
  try {
    return await Promise.race([
      env.DB.prepare('SELECT 1 FROM users LIMIT 1')
        .run()
        .then((result) => result.success),
      scheduler.wait(PATIENCE, { signal: late.signal }).then(() => false),
    ]);
  } catch (error) {
    logError('health.database', error);
    return false;
  } finally {
    late.abort();
  }
}

export const health = router()
  .openapi(healthz, async (c) => {
    const about = { version, environment: c.var.config.environment };
    c.header('Cache-Control', 'no-store');
    return (await databaseAnswers(c.env))
      ? c.json({ status: 'ok' as const, ...about }, 200)
      : c.json({ status: 'unavailable' as const, ...about }, 503);
  })
  .openapi(jwks, (c) => {
    c.header('Cache-Control', 'public, max-age=300');
    return c.json(publicKeys(c.var.config), 200);
  });
