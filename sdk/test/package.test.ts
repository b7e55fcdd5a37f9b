import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const run = promisify(execFile);
const SDK = resolve(import.meta.dirname, '..');
const ROOT = dirname(SDK);
const NODE = process.execPath;
const BIN = join(ROOT, 'node_modules/.bin');

/** npm with the Node that runs the tests. */
const npm = (cwd: string, ...args: string[]) =>
  run('npm', args, { cwd, env: { ...process.env, PATH: `${BIN}:${process.env.PATH}` } });

/** The README's only JavaScript example. */
async function quickStart(): Promise<string> {
  const blocks = [...(await readFile(join(SDK, 'README.md'), 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)];
  expect(blocks).toHaveLength(1);
  return blocks[0]?.[1] ?? '';
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideline-package-'));
  // What the package holds was built for this run already.
  const packed = await npm(SDK, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  expect(packed.stdout).toContain(tarball);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  // The one dependency comes from where it is installed already: no registry is needed.
  const idb = join(ROOT, 'node_modules/idb');
  await npm(folder, 'install', '--no-audit', '--no-fund', '--offline', '--install-links', `./${tarball}`, idb);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds what it says and nothing of the project around it', async () => {
    const names = await readdir(join(folder, 'node_modules/@tideline/sdk'), { recursive: true });
    expect(names).toEqual(
      expect.arrayContaining(['README.md', 'package.json', 'dist/index.js', 'dist/node.js', 'dist/indexeddb.js']),
    );
    expect(names.filter((name) => /(^|\/)(test|scripts)(\/|$)|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    expect(await readdir(join(folder, 'node_modules'))).toEqual(expect.arrayContaining(['@tideline', 'idb']));
  });

  it('is built by two at once as by one, and is there meanwhile', async () => {
    const dist = join(SDK, 'dist');
    const before = (await readdir(dist, { recursive: true })).sort();
    let building = true;
    const missing = new Set<string>();
    const watch = async () => {
      for (; building; await delay(10)) {
        const there = new Set(await readdir(dist, { recursive: true }).catch(() => []));
        for (const name of before) if (!there.has(name)) missing.add(name);
      }
    };
    const watching = watch();
    const build = () => run(NODE, [join(SDK, 'scripts/build.ts')]);
    await Promise.all([build(), build()]).finally(() => {
      building = false;
    });
    await watching;
    expect([...missing]).toEqual([]);
    expect((await readdir(dist, { recursive: true })).sort()).toEqual(before);
    expect((await readdir(SDK)).filter((name) => name.startsWith('dist.'))).toEqual([]);
  }, 120_000);

  it('needs no schema library, neither to run nor to compile', async () => {
    const dist = join(folder, 'node_modules/@tideline/sdk/dist');
    for (const name of await readdir(dist, { recursive: true })) {
      if (!/\.(js|d\.ts)$/.test(name)) continue;
      expect((await readFile(join(dist, name), 'utf8')).match(/from ['"]zod['"]/), name).toBeNull();
    }
    expect(await readFile(join(dist, 'index.js'), 'utf8')).not.toMatch(/from ['"](node:|idb)/);
  });

  it('runs the quick start of its README against a server', async () => {
    const code = (await quickStart()).replace('http://127.0.0.1:8787', inject('serverUrl'));
    expect(code).toContain(inject('serverUrl'));
    expect(code.trim().split('\n').length).toBeLessThanOrEqual(18);
    await writeFile(join(folder, 'quick-start.mjs'), code);
    const { stdout, stderr } = await run(NODE, ['quick-start.mjs'], { cwd: folder, timeout: 20_000 });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n').sort()).toEqual([
      'Ada’s message is stored as 2',
      'Bob got message 2: Hello, Bob!',
    ]);
  });

  it.each([
    { kind: 'a browser', lib: ['es2022', 'dom'], types: [] as string[], resolution: 'bundler', module: 'esnext' },
    { kind: 'Node', lib: ['es2022'], types: ['node'], resolution: 'nodenext', module: 'nodenext' },
  ])(
    'compiles in a strict program for $kind, declarations checked',
    async ({ kind, lib, types, resolution, module }) => {
      const node = kind === 'Node';
      const name = node ? 'node' : 'browser';
      await writeFile(
        join(folder, `${name}.ts`),
        `import { type ChatEvent, type ClientOptions, createClient, type Message, TidelineError } from '@tideline/sdk';
import { ${node ? 'FileStorage' : 'IndexedDbStorage'} as Storage } from '@tideline/sdk/${node ? 'node' : 'indexeddb'}';
const options: ClientOptions = { url: 'https://chat.example.com', storage: new Storage('tideline'), WebSocket, fetch };
const client = await createClient(options);
client.on('message', (message: Message) => { const seq: number = message.seq; const kind: Message['kind'] = message.kind; void [seq, kind]; });
client.on('events', ({ events }) => {
  for (const event of events) if (event.type === 'member.left') { const who: string = event.user_id; void who; }
});
const unread: number = client.chats.rows.reduce((sum, row) => sum + row.unread, 0);
try { await client.chat('chat_x').send({ content: 'x', mentions: ['usr_x'] }).sent; } catch (error) {
  if (error instanceof TidelineError && error.code === 'not_found') void error.retryAfter;
}
// @ts-expect-error a message has no such field
client.on('message', (message) => message.nothing);
// @ts-expect-error there is no such event
client.on('nothing', () => undefined);
export type Seen = ChatEvent['type'];
export { unread };
`,
      );
      await writeFile(
        join(folder, `tsconfig.${name}.json`),
        JSON.stringify({
          compilerOptions: {
            target: 'es2022',
            lib,
            types,
            module,
            moduleResolution: resolution,
            typeRoots: [join(ROOT, 'node_modules/@types')],
            strict: true,
            exactOptionalPropertyTypes: true,
            skipLibCheck: false,
            noEmit: true,
          },
          files: [`${name}.ts`],
        }),
      );
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(NODE, [tsc, '-p', `tsconfig.${name}.json`], { cwd: folder }).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe('');
    },
  );

  it('says what is missing in a runtime without WebSocket', async () => {
    const code = `delete globalThis.WebSocket; const { createClient } = await import('@tideline/sdk');
      await createClient({ url: 'http://127.0.0.1:1' }).catch((error) => console.log(error.name, error.message));`;
    await writeFile(join(folder, 'old.mjs'), code);
    const { stdout } = await run(NODE, ['old.mjs'], { cwd: folder });
    expect(stdout).toMatch(/^TidelineError .*WebSocket .*Node\.js .*22/);
  });
});
