import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withTables } from '../../scripts/protocol/tables.ts';
import { ACCESS_TTL, REFRESH_TTL } from '../../src/auth/tokens.ts';
import * as protocol from '../../src/protocol/index.ts';
import { HEARTBEAT_MS } from '../../src/routes/sse.ts';
import { DOCUMENT, EXAMPLES, examplesIn } from './support/document.ts';
import { differences } from './support/shape.ts';

/** The schema that a marker names. */
function schemaNamed(name: string): z.ZodType {
  const found: unknown = name === 'Event' ? protocol.ChatEvent : Reflect.get(protocol, name);
  if (found instanceof z.ZodType) return found;
  throw new Error(`there is no schema ${name}`);
}

/** The values that the tag of a union's members may have. */
const tagsOf = (union: { options: readonly { shape: Record<string, unknown> }[] }, tag: string): string[] =>
  union.options.map(({ shape }) => z.string().parse(z.instanceof(z.ZodLiteral).parse(shape[tag]).value));

const examplesOf = (schema: string) => [...EXAMPLES.values()].filter((example) => example.schema === schema);
const field = (value: unknown, name: string): unknown => Reflect.get(Object(value), name);

describe('the examples of docs/PROTOCOL.md', () => {
  it('are there', () => {
    expect(EXAMPLES.size).toBeGreaterThan(30);
  });

  it.each([...EXAMPLES.values()])('$name (line $line) follows $schema', ({ schema, value }) => {
    const parsed: unknown = schemaNamed(schema).parse(value);
    // A field that the schema does not know is dropped by parsing: the example must not have one.
    expect(differences(value, parsed).filter((line) => line.endsWith('did not come'))).toEqual([]);
  });

  it('are refused when the marker is missing, or names one twice', () => {
    expect(() => examplesIn('```json\n{}\n```')).toThrow('line 1');
    const one = '<!-- schema: Chat, example: a -->\n```json\n{}\n```\n';
    expect(() => examplesIn(one + one)).toThrow('two examples a');
  });
});

describe('docs/PROTOCOL.md has everything', () => {
  it.each(tagsOf(protocol.ClientFrame, 't'))('the client frame %s', (t) => {
    expect(examplesOf('ClientFrame').map(({ value }) => field(value, 't'))).toContain(t);
    expect(DOCUMENT).toMatch(new RegExp(`^\`${t}\`: `, 'm'));
  });

  it.each(tagsOf(protocol.ServerFrame, 't'))('the server frame %s', (t) => {
    expect(examplesOf('ServerFrame').map(({ value }) => field(value, 't'))).toContain(t);
    expect(DOCUMENT).toMatch(new RegExp(`^\`${t}\`: `, 'm'));
  });

  it.each(tagsOf(protocol.ChatEvent, 'type'))('the event %s', (type) => {
    expect(examplesOf('Event').map(({ value }) => field(value, 'type'))).toContain(type);
    expect(DOCUMENT).toContain(`**\`${type}\`**`);
  });

  it.each(tagsOf(protocol.Change, 'type'))('the change %s', (type) => {
    expect(JSON.stringify(examplesOf('ServerFrame').map(({ value }) => value))).toContain(`"type":"${type}"`);
  });

  it.each(protocol.Hole.shape.reason.options)('the reason of a hole %s', (reason) => {
    expect(DOCUMENT).toContain(`\`${reason}\``);
  });

  it.each(protocol.ChatType.options)('the type of conversation %s', (type) => {
    expect(DOCUMENT).toContain(`\`${type}\``);
  });

  it.each(Object.entries(protocol.ERRORS))('the error code %s', (code, { status }) => {
    expect(DOCUMENT).toContain(`| \`${code}\` | ${status} |`);
  });

  it.each(Object.entries(protocol.CLOSE_CODES))('the close code of %s', (reason, code) => {
    expect(DOCUMENT).toContain(`| ${code} | \`${reason}\` |`);
  });

  it.each(Object.entries(protocol.LIMITS))('the limit %s', (name, value) => {
    expect(DOCUMENT).toMatch(new RegExp(`^\\| ${value.toLocaleString('en-US')}\\b.* \\| \`${name}\` \\|`, 'm'));
  });

  it.each(protocol.FanoutTier.options)('the fan-out tier %s', (tier) => {
    expect(DOCUMENT).toMatch(new RegExp(`^\\| \`${tier}\` \\|`, 'm'));
  });

  it('tables that are up to date (else: npm run docs)', () => {
    expect(withTables(DOCUMENT)).toBe(DOCUMENT);
  });

  it('a place for each table, and no other', () => {
    expect(() => withTables('')).toThrow('no place for the tables limits');
    expect(() => withTables('<!-- table: nothing -->\n<!-- /table -->')).toThrow('there is no table nothing');
  });

  it('the times that the code has', () => {
    expect(ACCESS_TTL).toBe(15 * 60);
    expect(DOCUMENT).toContain('good for 15 minutes');
    expect(REFRESH_TTL).toBe(30 * 24 * 60 * 60);
    expect(DOCUMENT).toContain('for 30 days');
    expect(protocol.ATTEMPTS.passwordsPerAccount).toEqual({ limit: 10, seconds: 15 * 60 });
    expect(DOCUMENT).toContain('after 10 in 15 minutes');
    expect(HEARTBEAT_MS).toBe(15_000);
    expect(DOCUMENT).toContain('every 15 seconds');
  });

  it('the names of the handshake', () => {
    expect(DOCUMENT).toContain(`Sec-WebSocket-Protocol: ${protocol.SUBPROTOCOL}, ${protocol.BEARER_PREFIX}`);
    expect(DOCUMENT).toContain(
      `The bare text \`${protocol.PING}\` is answered with the bare text \`${protocol.PONG}\``,
    );
  });

  it('a heading behind every link within it', () => {
    const anchors = new Set(
      [...DOCUMENT.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const links = [...DOCUMENT.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });
});
