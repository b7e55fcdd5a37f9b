import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { expect, it } from 'vitest';
import { ATTEMPTS } from '../../src/protocol/limits.ts';
import { ROOT } from '../bundle.ts';
import { readConfigFile, workerOptions } from '../local/config-file.ts';
import { temporaryFolder } from './folder.ts';

const MINIMAL = `
name = "some"
main = "src/some.ts"
compatibility_date = "2026-07-01"
[assets]
directory = "public"
`;

async function read(toml: string) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'wrangler.toml'), toml);
  return readConfigFile(folder);
}
const options = async (toml: string) =>
  workerOptions(await read(toml), { root: '/project', values: {}, modules: { modulesRoot: '/', modules: [] } });

it('reads every binding of the project', async () => {
  const file = await readConfigFile(ROOT);
  const given = workerOptions(file, {
    root: ROOT,
    values: { PUBLIC_URL: 'http://here' },
    modules: { modulesRoot: ROOT, modules: [] },
  });
  expect(given).toMatchObject({
    name: 'tideline',
    bindings: { ENVIRONMENT: 'local', PUBLIC_URL: 'http://here' },
    durableObjects: {
      ROOMS: { className: 'ConversationRoom', useSQLite: true },
      INBOXES: { className: 'UserInbox', useSQLite: true },
    },
    queueProducers: { TASKS: { queueName: 'tideline-tasks' } },
    queueConsumers: { 'tideline-tasks': { deadLetterQueue: 'tideline-tasks-dead' } },
    r2Buckets: { FILES: 'tideline-files' },
  });
  const inProduction = await read(`${MINIMAL}\n[env.production]\nname = "x"\nanything = { goes = "here" }`);
  expect(inProduction.name).toBe('some');
});

it('asks for SQLite for the classes that the migrations make with it, and for no other', async () => {
  const { durableObjects } = await options(`${MINIMAL}
[[durable_objects.bindings]]
name = "A"
class_name = "WithSqlite"
[[durable_objects.bindings]]
name = "B"
class_name = "Without"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["WithSqlite"]
`);
  expect(durableObjects).toEqual({
    A: { className: 'WithSqlite', useSQLite: true },
    B: { className: 'Without', useSQLite: false },
  });
});

it('sends to the Worker first what run_worker_first says', async () => {
  const { assets } = await options(
    MINIMAL.replace('directory', 'run_worker_first = ["/api/*", "!/api/static/*"]\ndirectory'),
  );
  expect(assets).toMatchObject({
    directory: '/project/public',
    routerConfig: {
      has_user_worker: true,
      invoke_user_worker_ahead_of_assets: false,
      static_routing: { user_worker: ['/api/*'], asset_worker: ['/api/static/*'] },
    },
  });
});

it.each([
  [
    'a binding of a kind that it does not know',
    `${MINIMAL}\n[[kv_namespaces]]\nbinding = "KV"\nid = "1"`,
    'kv_namespaces',
  ],
  [
    'an option that it does not know',
    MINIMAL.replace('directory', 'serve_directly = true\ndirectory'),
    'serve_directly',
  ],
  ['a cron that it would not run', `${MINIMAL}\n[triggers]\ncrons = ["0 3 * * *"]`, 'triggers.crons.0'],
  ['a variable that is no text', `${MINIMAL}\n[vars]\nLIMIT = 3`, 'vars.LIMIT'],
  ['what is no TOML', 'name = ', 'wrangler.toml'],
])('refuses %s, in one line', async (_what, toml, name) => {
  await expect(read(toml)).rejects.toThrow(new RegExp(`^[^\\n]*${name.replaceAll('.', '\\.')}[^\\n]*$`));
});

it('limits each address, where it is deployed, as the table of limits says', async () => {
  const { limit, seconds } = ATTEMPTS.perAddress;
  const file = parse(await readFile(join(ROOT, 'wrangler.toml'), 'utf8'));
  expect(file).toMatchObject({
    env: { production: { ratelimits: [{ name: 'AUTH_LIMIT', simple: { limit, period: seconds } }] } },
  });
});
