import { expect, it } from 'vitest';
import { readOptions, UsageError } from '../../demo/options.ts';

it('has defaults that are bounded', () => {
  expect(readOptions([], {})).toEqual({ file: undefined, madeUp: false, lines: 5000, clients: 64, url: undefined });
});

it('takes a file, fewer lines, a server', () => {
  expect(readOptions(['x.raw.txt', '--quick'], { TIDELINE_URL: 'http://127.0.0.1:8787/' })).toEqual({
    file: 'x.raw.txt',
    madeUp: false,
    lines: 200,
    clients: 64,
    url: 'http://127.0.0.1:8787',
  });
  expect(readOptions(['--lines', '7', '--quick'], {})).toMatchObject({ lines: 7 });
  expect(readOptions(['--made-up'], { TIDELINE_URL: '' })).toMatchObject({ madeUp: true, url: undefined });
  expect(readOptions(['--help'], {})).toBeNull();
});

it.each([
  [['a', 'b'], {}, 'one FILE'],
  [['a', '--made-up'], {}, 'not both'],
  [['--lines', '0'], {}, '--lines "0"'],
  [['--lines', '1e3'], {}, '--lines "1e3"'],
  [['--lines', '20001'], {}, '20000'],
  [['--clients', '1'], {}, 'from 2 to 1000'],
  [['--what'], {}, '--what'],
  [[], { TIDELINE_URL: 'ftp://x' }, 'TIDELINE_URL="ftp://x"'],
  [[], { TIDELINE_URL: 'localhost' }, 'TIDELINE_URL'],
])('refuses %j %j with one line', (args, env, line) => {
  expect(() => readOptions(args, env)).toThrow(UsageError);
  expect(() => readOptions(args, env)).toThrow(line);
  try {
    readOptions(args, env);
  } catch (error) {
    expect(String(error)).not.toContain('\n');
  }
});
