import { describe, expect, it } from 'vitest';
import { fetchPreview, type Outside } from '../../src/previews/fetch.ts';
import { LIMITS } from '../../src/protocol/limits.ts';

const html = (body: string, type = 'text/html') => new Response(body, { headers: { 'content-type': type } });
const to = (location: string, status = 302) => new Response(null, { status, headers: { location } });
const PAGE = '<!doctype html><head><title>High &amp; low</title></head>';

/** A network of its own: pages by address, names by their addresses. */
function network(
  pages: Record<string, (init: RequestInit) => Response | Promise<Response>>,
  names: Record<string, string[][]> = {},
) {
  const asked: string[] = [];
  const looked = new Map<string, number>();
  const outside: Outside = {
    fetch: async (url, init) => {
      asked.push(url.href);
      const page = pages[url.href];
      if (page === undefined) throw new Error('unreachable');
      return page(init);
    },
    addresses: async (name) => {
      const times = looked.get(name) ?? 0;
      looked.set(name, times + 1);
      const answers = names[name] ?? [['93.184.216.34']];
      return answers[Math.min(times, answers.length - 1)] ?? [];
    },
  };
  return { asked, look: (url: string) => fetchPreview(url, 'test', outside), outside };
}

describe('a page', () => {
  it.each<[string, string, object]>([
    ['its title', PAGE, { title: 'High & low' }],
    [
      'what it says for others, before what it says for itself',
      `<head><title>x</title><meta name="description" content="y"><meta property="og:title" content="Tide &quot;A&quot;">
       <meta property="og:description" content="d"><meta property="og:site_name" content="Port"></head>`,
      { title: 'Tide "A"', description: 'd', site_name: 'Port' },
    ],
    [
      'its first word, where it says a thing twice',
      `<meta property="og:title" content="a"><meta property="og:title" content="b">`,
      { title: 'a' },
    ],
    [
      'no markup, no controls, no turning of text',
      `<head><title>a\u0000\u202eb&#x202e; <b>c</b>\n d</title></head>`,
      { title: 'ab <b>c</b> d' },
    ],
  ])('gives %s', async (_what, body, facts) => {
    const { look } = network({ 'https://example.com/': () => html(body) });
    expect(await look('https://example.com/')).toEqual({ url: 'https://example.com/', ...facts });
  });

  it('in another encoding is read in it', async () => {
    const bytes = new Uint8Array(
      [...'<head><title>Gezeiten f']
        .map((c) => c.charCodeAt(0))
        .concat(0xfc, 0x72, ...[...'</title>'].map((c) => c.charCodeAt(0))),
    );
    const page = () => new Response(bytes, { headers: { 'content-type': 'text/html; charset=ISO-8859-1' } });
    expect((await network({ 'https://example.com/': page }).look('https://example.com/'))?.title).toBe('Gezeiten für');
  });

  it('with long texts is cut, and never in the middle of a character', async () => {
    const { look } = network({ 'https://example.com/': () => html(`<head><title>${'🌊'.repeat(500)}</title></head>`) });
    const title = (await look('https://example.com/'))?.title ?? '';
    expect(title.length).toBeLessThanOrEqual(LIMITS.previewTitleLength);
    expect(title.isWellFormed()).toBe(true);
    expect(title.endsWith('…')).toBe(true);
  });

  it.each<[string, () => Response]>([
    ['an image', () => html('x', 'image/png')],
    ['JSON', () => html(PAGE, 'application/json')],
    ['of no type', () => new Response(new TextEncoder().encode(PAGE))],
    ['missing', () => new Response(PAGE, { status: 404, headers: { 'content-type': 'text/html' } })],
    ['without a title', () => html('<body>hello</body>')],
    ['of which nothing can be shown', () => html('<head><title>\u202e \u200e</title></head>')],
  ])('%s gives nothing', async (_what, page) => {
    expect(await network({ 'https://example.com/': page }).look('https://example.com/')).toBeNull();
  });

  it('without an end is read as far as its bound, and let go', async () => {
    let sent = 0;
    let cancelled = false;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            sent += 65_536;
            controller.enqueue(new TextEncoder().encode(sent === 65_536 ? PAGE.padEnd(65_536) : ' '.repeat(65_536)));
          },
          cancel: () => {
            cancelled = true;
          },
        }),
        { headers: { 'content-type': 'text/html' } },
      );
    expect((await network({ 'https://example.com/': endless }).look('https://example.com/'))?.title).toBe('High & low');
    expect(sent).toBeLessThan(2 * 1024 * 1024);
    expect(cancelled).toBe(true);
  });

  it('that does not answer gives nothing', async () => {
    expect(await network({}).look('https://example.com/')).toBeNull();
  });

  it('is asked without credentials, with a bound on time, and redirects are not followed by anybody else', async () => {
    let init: RequestInit = {};
    const page = (given: RequestInit) => {
      init = given;
      return html(PAGE);
    };
    await network({ 'https://example.com/': page }).look('https://example.com/');
    expect(init).toMatchObject({ redirect: 'manual', signal: expect.any(AbortSignal) });
    expect(Object.keys(init.headers ?? {}).sort()).toEqual(['accept', 'user-agent']);
  });
});

describe('a redirect', () => {
  it.each([
    'http://127.0.0.1/',
    'http://[::ffff:10.0.0.1]/',
    'http://2130706433/',
    'http://169.254.169.254/',
    'https://example.com:8080/',
    'file:///etc/passwd',
    'http://inside.example.net/',
  ])('to %s is not followed', async (target) => {
    const pages = { 'https://example.com/': () => to(target), [target]: () => html(PAGE) };
    const { look, asked } = network(pages, { 'inside.example.net': [['10.0.0.7']] });
    expect(await look('https://example.com/')).toBeNull();
    expect(asked).toEqual(['https://example.com/']);
  });

  it('is followed where it may go, relative ones too, and the preview keeps the link of the message', async () => {
    const { look } = network({
      'http://example.com/': () => to('https://example.com/a/', 301),
      'https://example.com/a/': () => to('../b', 307),
      'https://example.com/b': () => html(PAGE),
    });
    expect(await look('http://example.com/')).toEqual({ url: 'http://example.com/', title: 'High & low' });
  });

  it('that never ends is given up', async () => {
    const { look, asked } = network({ 'https://example.com/': () => to('https://example.com/') });
    expect(await look('https://example.com/')).toBeNull();
    expect(asked.length).toBe(5);
  });
});

describe('a name', () => {
  const page = { 'https://example.com/': () => html(PAGE) };
  it.each<[string, string[]]>([
    ['private', ['10.0.0.1']],
    ['private beside a public one', ['93.184.216.34', '127.0.0.1']],
    ['private in IPv6', ['fd00::1']],
    ['mapped into IPv6', ['::ffff:192.168.0.1']],
    ['none', []],
  ])('whose address is %s is not asked', async (_what, addresses) => {
    const { look, asked } = network(page, { 'example.com': [addresses] });
    expect(await look('https://example.com/')).toBeNull();
    expect(asked).toEqual([]);
  });

  it('that turns to a private address while it is asked is not believed', async () => {
    const { look } = network(page, { 'example.com': [['93.184.216.34'], ['127.0.0.1']] });
    expect(await look('https://example.com/')).toBeNull();
  });
});

it('what a test allows is asked although it is private, and nothing else', async () => {
  const { outside, asked } = network({ 'http://127.0.0.1:8123/': () => html(PAGE) });
  const allowing = { ...outside, allows: (url: URL) => url.origin === 'http://127.0.0.1:8123' };
  expect(await fetchPreview('http://127.0.0.1:8123/', 'test', allowing)).toMatchObject({ title: 'High & low' });
  expect(await fetchPreview('http://127.0.0.1:8124/', 'test', allowing)).toBeNull();
  expect(asked).toEqual(['http://127.0.0.1:8123/']);
});
