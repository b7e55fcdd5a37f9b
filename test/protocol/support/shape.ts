/** Fields whose value is part of the shape: they say what the rest means. */
const TAGS = new Set(['t', 'type', 'code', 'kind', 'reason', 'state']);
/** A code that lets somebody in, where others say what is the matter. */
const SECRET = /^[\w-]{32}$/;
const ID = /^(usr|chat|ws|wiv|ses|fgr|req|inv|file)_[0-9a-z]{26}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value !== 'string') return typeof value;
  const id = ID.exec(value);
  if (id !== null) return `${id[1]} id`;
  return TIME.test(value) ? 'time' : 'text';
}

/** Maps by id have ids as keys: one entry stands for all. */
function entriesOf(value: Record<string, unknown>): Map<string, unknown> {
  return new Map(Object.entries(value).map(([key, entry]) => [ID.test(key) ? kindOf(key) : key, entry]));
}

/**
 * Where a real value differs in shape from the documented one: other keys, other types, other tags. Empty when it does
 * not. Each entry of a list must be like one that is documented.
 */
export function differences(documented: unknown, real: unknown, path = '$'): string[] {
  const [expected, found] = [kindOf(documented), kindOf(real)];
  if (expected !== found) return [`${path}: documented as ${expected}, came as ${found}`];
  if (Array.isArray(documented) && Array.isArray(real)) return listDifferences(documented, real, path);
  if (!isObject(documented) || !isObject(real)) return [];
  const [known, came] = [entriesOf(documented), entriesOf(real)];
  const missing = [...known.keys()].filter((key) => !came.has(key)).map((key) => `${path}.${key}: did not come`);
  const extra = [...came.keys()].filter((key) => !known.has(key)).map((key) => `${path}.${key}: is not documented`);
  const inner = [...known].flatMap(([key, entry]) => {
    if (!came.has(key)) return [];
    const value = came.get(key);
    if (TAGS.has(key) && entry !== value && !(SECRET.test(String(entry)) && SECRET.test(String(value))))
      return [`${path}.${key}: documented as ${entry}, came as ${value}`];
    return differences(entry, value, `${path}.${key}`);
  });
  return [...missing, ...extra, ...inner];
}

function listDifferences(documented: unknown[], real: unknown[], path: string): string[] {
  if (documented.length === 0 || real.length === 0) {
    return documented.length === real.length ? [] : [`${path}: ${documented.length} documented, ${real.length} came`];
  }
  return real.flatMap((item, index) => {
    const attempts = documented.map((entry) => differences(entry, item, `${path}[${index}]`));
    return attempts.some((attempt) => attempt.length === 0) ? [] : (attempts[0] ?? []);
  });
}
