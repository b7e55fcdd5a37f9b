import { describe, expect, it } from 'vitest';
import { en } from '../src/i18n/en.ts';
import { zh } from '../src/i18n/zh.ts';

/** Every text with its place. */
function texts(of: object, path = ''): [string, string][] {
  return Object.entries(of).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[path + key, value]] : texts(value as object, `${path}${key}.`),
  );
}

const parts = (text: string): string[] => [...text.matchAll(/\{\{\w+\}\}|<\w+ \/>/g)].map(([part]) => part).sort();

describe('the Chinese texts', () => {
  it('fill in what the English ones do', () => {
    const chinese = new Map(texts(zh));
    expect([...chinese.keys()].sort()).toEqual(
      texts(en)
        .map(([path]) => path)
        .sort(),
    );
    for (const [path, text] of texts(en)) expect([path, parts(chinese.get(path) ?? '')]).toEqual([path, parts(text)]);
  });
});
