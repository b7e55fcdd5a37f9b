import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress, publicUrl } from '../../src/previews/guard.ts';

describe('a link', () => {
  it.each([
    // The machine itself, in every spelling that a URL knows.
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://017700000001/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://127.255.255.254/',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://localhost/',
    'http://localhost./',
    'http://LOCALHOST/',
    'http://a.localhost/',
    // Its network.
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://192.168.257/',
    'http://100.64.0.1/',
    'http://198.18.0.1/',
    'http://[fc00::1]/',
    'http://[fd12:3456::1]/',
    'http://[fec0::1]/',
    'http://router/',
    'http://printer.local/',
    'http://db.internal/',
    'http://nas.home.arpa/',
    'http://fritz.lan/',
    // The cloud that it runs in.
    'http://169.254.169.254/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://metadata.google.internal/',
    // Nobody in particular.
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://240.0.0.1/',
    'http://192.0.2.1/',
    'http://203.0.113.1/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
    'http://[4000::1]/',
    // Somebody’s service, somebody’s password, and what is not the web.
    'http://example.com:22/',
    'https://example.com:8443/',
    'http://example.com:443/',
    'http://user@example.com/',
    'http://user:pass@example.com/',
    'http://127.0.0.1@example.com:80@127.0.0.1/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'data:text/html,x',
    'javascript:alert(1)',
    '//example.com/',
    'http://',
    'http://exa mple.com/',
    'not a link',
    '',
  ])('%s is not asked', (link) => {
    expect(publicUrl(link)).toBeNull();
  });

  it.each([
    ['https://example.com/a?b#c', 'https://example.com/a?b#c'],
    ['http://example.com:80/', 'http://example.com/'],
    ['https://bücher.example.org/', 'https://xn--bcher-kva.example.org/'],
    ['https://1.1.1.1/', 'https://1.1.1.1/'],
    ['http://0x01010101/', 'http://1.1.1.1/'],
    ['https://[2606:4700::1111]/', 'https://[2606:4700::1111]/'],
    ['https://localhost.example.com/', 'https://localhost.example.com/'],
  ])('%s is asked', (link, href) => {
    expect(publicUrl(link)?.href).toBe(href);
  });
});

describe('an address', () => {
  it('of a private network is not public, however IPv6 wraps it', () => {
    const privates = fc.constantFrom([10], [127], [169, 254], [192, 168], [172, 16], [0]);
    fc.assert(
      fc.property(privates, fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }), (prefix, rest) => {
        const [a = 0, b = 0, c = 0, d = 0] = [...prefix, ...rest];
        const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
        const tail = `${hex(a, b)}:${hex(c, d)}`;
        const forms = [`${a}.${b}.${c}.${d}`, `::ffff:${tail}`, `::${tail}`, `64:ff9b::${tail}`, `2002:${tail}::`];
        for (const form of forms) expect(isPublicAddress(form), form).toBe(false);
      }),
    );
  });

  it('is an address', () => {
    for (const text of ['', 'example.com', '1.1.1.1.1', '1.1.1.256', '::g']) expect(isPublicAddress(text)).toBe(false);
  });
});
