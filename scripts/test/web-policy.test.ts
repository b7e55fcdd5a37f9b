import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../bundle.ts';

/* What the web client is served with, and that nothing in it needs more. That the built page is served so, `npm run smoke` sees. */

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The headers of every file of the client, by name. */
const headers = new Map(
  read('web/public/_headers')
    .split(/\n(?=\/)/)
    .filter((block) => block.startsWith('/*\n'))
    .flatMap((block) => block.split('\n').slice(1))
    .flatMap((line): [string, string][] => {
      const [, name, value] = /^ {2}([\w-]+): (.+)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value]];
    }),
);
const policy = new Map(
  (headers.get('content-security-policy') ?? '').split('; ').map((directive): [string, string] => {
    const [name = '', ...sources] = directive.split(' ');
    return [name, sources.join(' ')];
  }),
);

describe('the policy of the web client', () => {
  it('begins with nothing, and gives each kind of content its own origin', () => {
    expect(policy.get('default-src')).toBe("'none'");
    const own = new Set(["'self'", "'none'", 'blob:', 'data:']);
    for (const [name, sources] of policy) {
      for (const source of sources.split(' ')) expect([name, own.has(source)]).toEqual([name, true]);
    }
  });

  it('runs scripts of files alone, and lets nobody frame it, set its base or take its forms', () => {
    for (const name of ['script-src', 'style-src', 'worker-src', 'connect-src', 'form-action']) {
      expect([name, policy.get(name)]).toEqual([name, "'self'"]);
    }
    for (const name of ['base-uri', 'frame-ancestors']) expect([name, policy.get(name)]).toEqual([name, "'none'"]);
    for (const name of ['object-src', 'frame-src', 'child-src']) expect(policy.has(name)).toBe(false);
  });

  it('goes with the other headers of a page that is nobody else’s', () => {
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
    });
  });
});

describe('the web client', () => {
  const files = execFileSync('git', ['ls-files', '-z', 'web/src', 'web/sw', 'web/index.html', 'web/public'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((path) => /\.(tsx?|js|html|svg)$/.test(path));

  it('makes no markup and no code of text', () => {
    const MAKES =
      /dangerouslySetInnerHTML|\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(|srcdoc/;
    expect(files.length).toBeGreaterThan(50);
    for (const path of files) expect([path, MAKES.exec(read(path))?.[0]]).toEqual([path, undefined]);
  });

  it('has no script or style within its page', () => {
    for (const path of files.filter((name) => /\.(html|svg)$/.test(name))) {
      const text = read(path);
      expect([path, /<script(?![^>]*\bsrc=)|<style|\son\w+=|javascript:/i.exec(text)?.[0]]).toEqual([path, undefined]);
    }
  });

  it('keeps no token where a script of another origin might look, nor in an address', () => {
    for (const path of files) {
      expect([path, /document\.cookie|[?&](access_)?token=/.exec(read(path))?.[0]]).toEqual([path, undefined]);
    }
  });
});
