import type { ClientFrame } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';

const CHAT_ID = /^chat_[0-9a-hjkmnp-tv-z]{26}$/;
const CLIENT_ID = /^[\x21-\x7e]{1,128}$/;

const isChatId = (value: unknown): value is string => typeof value === 'string' && CHAT_ID.test(value);
const isClientId = (value: unknown): value is string => typeof value === 'string' && CLIENT_ID.test(value);
/** Contents that are short enough not to be measured; others are the schema's business. */
const isContent = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LIMITS.contentBytes / 3 && value.isWellFormed();
const isSeq = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const hasOnly = (value: object, keys: number): boolean => {
  let count = 0;
  for (const _ in value) count++;
  return count === keys;
};

/**
 * The frames that come most, in their plainest form: a text without anything else, and the two marks. What this returns
 * is what `ClientFrame` gives for the same value (a test holds them against each other); undefined: ask the schema.
 */
export function plainFrame(value: unknown): ClientFrame | undefined {
  if (!isFields(value)) return undefined;
  const { t, chat_id } = value;
  if (!isChatId(chat_id)) return undefined;
  if (t === 'send') {
    const { client_id, kind, content } = value;
    if (kind !== undefined && kind !== 'text') return undefined;
    if (!isClientId(client_id) || !isContent(content) || !hasOnly(value, kind === undefined ? 4 : 5)) return undefined;
    return { t, client_id, chat_id, kind: 'text', content };
  }
  if (t === 'got' || t === 'read') {
    const { seq } = value;
    return isSeq(seq) && hasOnly(value, 3) ? { t, chat_id, seq } : undefined;
  }
  return undefined;
}
