import { describe, expect, it } from 'vitest';
import { readSettings, urlOf } from '../local/settings.ts';

describe('settings of the local server', () => {
  it('has defaults', () => {
    expect(readSettings({}, '/project')).toEqual({
      host: '127.0.0.1',
      port: 8787,
      stateDir: '/project/.tideline',
      logLevel: 'info',
    });
  });

  it('takes each from its variable', () => {
    expect(readSettings({ HOST: '::', PORT: '0', STATE_DIR: '/data', LOG_LEVEL: 'error' }, '/project')).toEqual({
      host: '::',
      port: 0,
      stateDir: '/data',
      logLevel: 'error',
    });
  });

  it.each([
    [{ PORT: 'http' }, 'PORT="http": must be a whole number from 0 to 65535 (0 takes any free port)'],
    [{ PORT: '65536' }, 'PORT="65536": must be a whole number from 0 to 65535 (0 takes any free port)'],
    [{ PORT: '-1' }, 'PORT="-1": must be a whole number from 0 to 65535 (0 takes any free port)'],
    [{ PORT: '' }, 'PORT="": must be a whole number from 0 to 65535 (0 takes any free port)'],
    [{ HOST: 'a b' }, 'HOST="a b": must be an address or a host name of this machine, such as 127.0.0.1 or 0.0.0.0'],
    [{ STATE_DIR: '' }, 'STATE_DIR="": must be the path of a folder'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL="loud": must be one of silent, error, warn, info, debug'],
  ])('refuses %j in one line that names the variable', (env, line) => {
    expect(() => readSettings(env, '/project')).toThrow(line);
    expect(line).not.toContain('\n');
  });

  it.each([
    ['127.0.0.1', 'http://127.0.0.1:80'],
    ['0.0.0.0', 'http://127.0.0.1:80'],
    ['::', 'http://[::1]:80'],
    ['::1', 'http://[::1]:80'],
    ['localhost', 'http://localhost:80'],
  ])('is reached on %s under %s', (host, url) => {
    expect(urlOf(host, 80)).toBe(url);
  });
});
