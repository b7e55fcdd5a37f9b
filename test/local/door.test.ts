import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { doorTo, workersOwn } from '../../src/local/door.ts';

it.each([
  [
    { worker: ['/api/*', '/docs'], site: [] },
    ['/api/', '/api/chats/1', '/docs'],
    ['/', '/api', '/apis/x', '/docs/', '/docs/swagger-ui.css', '/x/api/y'],
  ],
  [{ worker: ['/*'], site: ['/img/*'] }, ['/', '/api/x'], ['/img/', '/img/a.png']],
  [{ worker: ['/a.b', '/c(d)*'], site: [] }, ['/a.b', '/c(d)', '/c(d)e'], ['/aXb', '/cd', '/a.b/c']],
  [{ worker: [], site: [] }, [], ['/', '/api/x']],
])('the rules %j leave to the Worker %j, and not %j', (rules, ours, others) => {
  const isOurs = workersOwn(rules);
  expect(ours.filter((path) => !isOurs(path))).toEqual([]);
  expect(others.filter(isOurs)).toEqual([]);
});

it('what is the Worker’s goes to it, and everything else to the static files with the request as it came', async () => {
  const site = {
    fetch: async (request: Request) => new Response(`site ${request.method} ${request.url}`),
  } as Fetcher;
  const door = doorTo(async (request, { ENVIRONMENT }) => new Response(`${ENVIRONMENT} ${request.url}`));
  const ask = async (path: string, method = 'GET') => {
    const request = new Request(`http://host${path}`, { method }) as Request<unknown, IncomingRequestCfProperties>;
    const answer = await door.fetch?.(
      request,
      { ...env, SITE: site, WORKER_FIRST: { worker: ['/api/*'], site: [] } },
      createExecutionContext(),
    );
    return answer?.text();
  };
  expect(await ask('/api/x?y=/')).toBe(`${env.ENVIRONMENT} http://host/api/x?y=/`);
  expect(await ask('/?at=/api/x', 'POST')).toBe('site POST http://host/?at=/api/x');
});
