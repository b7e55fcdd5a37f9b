import protocol from '../../../docs/PROTOCOL.md?raw';

/** docs/PROTOCOL.md as it is. */
export const DOCUMENT = protocol;

export interface Example {
  name: string;
  /** Name of the schema that the example follows. */
  schema: string;
  value: unknown;
  /** Line of the opening fence, from 1. */
  line: number;
}

const MARKER = /^<!-- schema: (\w+), example: ([a-z-]+) -->$/;

/** Every ```json block of a document. Throws at one without a marker in the line before, without JSON, or named twice. */
export function examplesIn(markdown: string): Map<string, Example> {
  const lines = markdown.split('\n');
  const found = new Map<string, Example>();
  for (let at = 0; at < lines.length; at += 1) {
    if (lines[at] !== '```json') continue;
    const [, schema = '', name = ''] = MARKER.exec(lines[at - 1] ?? '') ?? [];
    if (name === '') throw new Error(`line ${at + 1}: a json block without a marker that names its schema and itself`);
    if (found.has(name)) throw new Error(`line ${at + 1}: there are two examples ${name}`);
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: the block does not end`);
    const value: unknown = JSON.parse(lines.slice(at + 1, end).join('\n'));
    found.set(name, { name, schema, value, line: at + 1 });
    at = end;
  }
  return found;
}

export const EXAMPLES = examplesIn(DOCUMENT);

export function example(name: string): unknown {
  const found = EXAMPLES.get(name);
  if (found === undefined) throw new Error(`docs/PROTOCOL.md has no example ${name}`);
  return found.value;
}
