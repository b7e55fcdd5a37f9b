import { expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../src/auth/password.ts';

it('hashes with argon2id at the declared cost and a salt of its own', () => {
  const hash = hashPassword('correct horse');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(hashPassword('correct horse')).not.toBe(hash);
});

it('knows the password and no other', () => {
  const hash = hashPassword('correct horse');
  expect(verifyPassword(hash, 'correct horse')).toBe(true);
  expect(verifyPassword(hash, 'correct horsf')).toBe(false);
  expect(verifyPassword(hash, '')).toBe(false);
});

it('hashes the whole of a text that is not ASCII', () => {
  const hash = hashPassword('好世界好世界好世界');
  expect(verifyPassword(hash, '好世界好世界好世界')).toBe(true);
  expect(verifyPassword(hash, '好世界aaaaaa')).toBe(false);
  expect(verifyPassword(hash, '好世界好世界好世間')).toBe(false);
});

it('does not depend on how a keyboard composes a letter', () => {
  expect(verifyPassword(hashPassword('caf\u00e9 au lait'), 'cafe\u0301 au lait')).toBe(true);
});

it('takes the same work when there is no account', () => {
  expect(verifyPassword(undefined, 'correct horse')).toBe(false);
  const time = (hash: string | undefined) => {
    const started = performance.now();
    for (let i = 0; i < 5; i++) verifyPassword(hash, 'wrong');
    return performance.now() - started;
  };
  const real = hashPassword('correct horse');
  time(real);
  const [known, unknown] = [time(real), time(undefined)];
  expect(unknown).toBeGreaterThan(known / 3);
  expect(unknown).toBeLessThan(known * 3);
});
