import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../bundle.ts';

/* What comes from elsewhere, and what must not leave: as far as it can be seen without a network. */

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const Packages = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      link: z.boolean().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
});

describe('dependencies', () => {
  it('are pinned to exact versions', () => {
    for (const path of ['package.json', 'sdk/package.json', 'web/package.json']) {
      const { dependencies, devDependencies } = Packages.parse(JSON.parse(read(path)));
      for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/)]);
      }
    }
  });

  it('come from the registry with their digest, and from nowhere else', () => {
    const { packages } = Lock.parse(JSON.parse(read('package-lock.json')));
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    for (const [path, { link, resolved, integrity }] of Object.entries(packages)) {
      if (!path.includes('node_modules/') || link) continue;
      expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
      if (resolved !== undefined) expect(resolved).not.toMatch(/^(git|file|http):/);
    }
  });

  it('run no script when they are installed, but for those that are named', () => {
    const { packages } = Lock.parse(JSON.parse(read('package-lock.json')));
    const { allowScripts } = z
      .object({ allowScripts: z.record(z.string(), z.boolean()) })
      .parse(JSON.parse(read('package.json')));
    const scripted = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    const OPTIONAL = ['fsevents', 'sharp', '@scarf/scarf', 'core-js', 'protobufjs'];
    for (const name of scripted) expect([...Object.keys(allowScripts), ...OPTIONAL]).toContain(name);
  });
});

describe('secrets', () => {
  const PATTERNS: Record<string, RegExp> = {
    'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    'an Ed25519 private key': /"d"\s*:\s*"[A-Za-z0-9_-]{43}"/,
    'a key of a cloud': /\b(AKIA|ASIA)[0-9A-Z]{16}\b/,
    'a token of a forge': /\b(gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b/,
    'a token of a registry': /\bnpm_[A-Za-z0-9]{36}\b/,
    'a signed token': /\beyJ[\w-]{20,}\.eyJ[\w-]{60,}\.[\w-]{60,}\b/,
  };
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && path !== 'package-lock.json');

  it('stand in no file of the project', () => {
    expect(files.length).toBeGreaterThan(200);
    for (const path of files) {
      const text = read(path);
      for (const [what, pattern] of Object.entries(PATTERNS)) {
        expect([path, what, pattern.exec(text)?.[0] ?? null]).toEqual([path, what, null]);
      }
    }
  });

  it('are looked for by patterns that find them', () => {
    const key = { kty: 'OKP', d: 'A'.repeat(43) };
    expect(JSON.stringify(key)).toMatch(PATTERNS['an Ed25519 private key'] ?? /^$/);
    expect(['-----BEGIN', 'PRIVATE KEY-----'].join(' ')).toMatch(PATTERNS['a private key'] ?? /^$/);
  });

  it('have no file that git would take', () => {
    for (const path of ['.dev.vars', '.tideline/secrets.json', '.wrangler/state', 'dist/worker/index.js']) {
      expect(execFileSync('git', ['check-ignore', path], { cwd: ROOT, encoding: 'utf8' }).trim()).toBe(path);
    }
  });
});

describe('regular expressions', () => {
  /** What makes a pattern that backtracks take for ever. */
  const ATTACKS = [
    (n: number) => 'a'.repeat(n),
    (n: number) => `${'a'.repeat(n)}!`,
    (n: number) => ' '.repeat(n),
    (n: number) => `${'0'.repeat(n)}x`,
    (n: number) => `${'a-'.repeat(n / 2)}\u0000`,
    (n: number) => `${'a@'.repeat(n / 2)}.`,
    (n: number) => `https://${'a.'.repeat(n / 2)}`,
    (n: number) => `Bearer ${' '.repeat(n)}x`,
    (n: number) => `Bearer ${'a'.repeat(n)}=!`,
    (n: number) => `${'_'.repeat(n)}\n`,
    (n: number) => `chat_${'0'.repeat(n)}`,
    (n: number) => '👩‍👩‍👧‍👦'.repeat(n / 12),
  ];
  const LITERAL = /(?<=[(=,:]\s*|return\s+)\/(?!\*)((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([a-z]*)(?=[\s.,;)])/g;

  it('of the source and of the published schemas are linear', () => {
    const patterns = execFileSync('git', ['ls-files', '-z', 'src', 'sdk/src', 'web/src'], {
      cwd: ROOT,
      encoding: 'utf8',
    })
      .split('\0')
      .filter((path) => /\.tsx?$/.test(path))
      .flatMap((path) => [...read(path).matchAll(LITERAL)].map(([, source = '', flags]) => new RegExp(source, flags)));
    const published = [...read('docs/openapi.json').matchAll(/"pattern": ("(?:\\.|[^"\\])*")/g)].map(
      ([, text = '""']) => new RegExp(JSON.parse(text) as string, 'u'),
    );
    expect(patterns.length).toBeGreaterThan(8);
    expect(published.length).toBeGreaterThan(3);
    // One that is not would not come to an end within the time of the test.
    for (const pattern of [...patterns, ...published]) for (const attack of ATTACKS) pattern.test(attack(60_000));
  });
});
