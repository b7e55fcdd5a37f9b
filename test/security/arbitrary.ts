import fc from 'fast-check';

/*
 * Values from JSON Schema, the part of it in which the protocol describes itself: what a schema allows, what it nearly
 * allows, and what somebody sends who means harm.
 */

export type JsonSchema = Record<string, unknown>;
type Find = (ref: string) => JsonSchema;

const object = (value: unknown): JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {};
const array = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
const LONGEST = 200;

/** Values that the schema allows. `named`: values for properties of these names, in place of what the schema says. */
export function valid(
  schema: JsonSchema,
  find: Find,
  named: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  const sub = (inner: unknown): fc.Arbitrary<unknown> => valid(object(inner), find, named);
  if (typeof schema.$ref === 'string') return valid(find(schema.$ref), find, named);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  for (const union of [schema.anyOf, schema.oneOf]) if (Array.isArray(union)) return fc.oneof(...union.map(sub));
  if (Array.isArray(schema.allOf))
    return sub(Object.assign({}, ...schema.allOf.map((one) => resolved(object(one), find))));
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => sub({ ...schema, type })));
  switch (schema.type) {
    case 'object':
      return objects(schema, sub, named);
    case 'array':
      return fc.array(sub(schema.items), {
        minLength: number(schema.minItems, 0),
        maxLength: Math.min(number(schema.maxItems, 5), Math.max(5, number(schema.minItems, 0))),
      });
    case 'string':
      return strings(schema);
    case 'integer':
    case 'number':
      return fc.integer({
        min: number(schema.minimum, number(schema.exclusiveMinimum, -1_000_001) + 1),
        max: Math.min(number(schema.maximum, 1_000_000), Number.MAX_SAFE_INTEGER),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue();
  }
}

const resolved = (schema: JsonSchema, find: Find): JsonSchema =>
  typeof schema.$ref === 'string' ? find(schema.$ref) : schema;

function objects(
  schema: JsonSchema,
  sub: (inner: unknown) => fc.Arbitrary<unknown>,
  named: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<unknown> {
  const properties = Object.entries(object(schema.properties));
  if (properties.length === 0 && object(schema.additionalProperties).type !== undefined) {
    const keys = schema.propertyNames === undefined ? fc.string({ maxLength: 20 }) : sub(schema.propertyNames);
    return fc
      .array(fc.tuple(keys, sub(schema.additionalProperties)), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries.map(([key, value]) => [String(key), value])));
  }
  return fc.record(Object.fromEntries(properties.map(([name, inner]) => [name, named[name] ?? sub(inner)])), {
    requiredKeys: array(schema.required).map(String),
  });
}

function strings(schema: JsonSchema): fc.Arbitrary<string> {
  if (typeof schema.pattern === 'string' && schema.format === undefined) {
    return fc
      .stringMatching(new RegExp(schema.pattern))
      .filter((text) => text.length <= number(schema.maxLength, 1000));
  }
  switch (schema.format) {
    case 'email':
      return fc.uuid().map((id) => `${id}@example.com`);
    case 'uri':
      return fc.webUrl();
    case 'date-time':
      return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
    default:
      return fc.string({
        unit: 'grapheme',
        minLength: number(schema.minLength, 0),
        maxLength: Math.min(number(schema.maxLength, LONGEST), Math.max(LONGEST, number(schema.minLength, 0))),
      });
  }
}

/** What has made other systems stumble. */
export const HOSTILE: readonly unknown[] = [
  null,
  [],
  {},
  '',
  '\u0000',
  '\ud800',
  '\u202eevil',
  '../../etc/passwd',
  "' OR 1=1 --",
  '"; DROP TABLE users; --',
  '%00%0d%0aSet-Cookie: a=b',
  '<script>alert(1)</script>',
  '{{7*7}}<%= 7*7 %>',
  'x'.repeat(40_000),
  '🌊'.repeat(9000),
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  -0,
  true,
  '9'.repeat(400),
  { __proto__: null, constructor: { prototype: { admin: true } } },
  JSON.parse('{"__proto__": {"admin": true}}'),
  { $ne: null },
  Array.from({ length: 2000 }, () => 0),
  'chat_01kahq0z9pm3v1x8e6t4w2y7rd',
  'usr_01kahq0z9pm3v1x8e6t4w2y7rd',
];

export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

/** One place of a value becomes something else, goes, or gets company. */
export const nearly = (values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(values, fc.nat(), hostile, fc.constantFrom('replace', 'drop', 'add', 'wrap'))
    .map(([value, at, other, how]) => {
      if (how === 'wrap') return [value];
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return other;
      const keys = Object.keys(value);
      const key = keys[at % Math.max(1, keys.length)];
      if (how === 'add' || key === undefined) return { ...value, [`extra${at}`]: other };
      const { [key]: _, ...rest } = value as Record<string, unknown>;
      return how === 'drop' ? rest : { ...rest, [key]: other };
    });
