import { z } from 'zod';
import { LIMITS } from './limits.ts';

const encoder = new TextEncoder();

/** Length of a text in bytes of UTF-8. */
export function utf8Length(text: string): number {
  // A UTF-16 unit takes at most three bytes: short texts need no encoding to be known to fit.
  return encoder.encode(text).byteLength;
}

/** Text that survives storage byte for byte: lone surrogates have no UTF-8 form, so they are refused, not altered. */
export const WellFormedText = z
  .string()
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode: it contains a lone surrogate' });

/** A line of text a person reads: trimmed, without control characters. */
export const DisplayText = WellFormedText.trim().refine((text) => !/\p{Cc}/u.test(text), {
  error: 'must not contain control characters',
});

/** RFC 3339, UTC, milliseconds. */
export const Timestamp = z.iso.datetime({ precision: 3 }).meta({
  description: 'RFC 3339 in UTC with milliseconds',
  example: '2026-11-21T08:00:00.000Z',
});

/** A position in a conversation's log: 1, 2, 3 … without holes. 0 stands for "before everything". */
export const Seq = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

const ID_BODY = '[0-9a-hjkmnp-tv-z]{26}';
const id = (prefix: string, what: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_${ID_BODY}$`), `must be the id of a ${what} (${prefix}_…)`)
    .meta({ description: `Opaque id of a ${what}`, example: `${prefix}_01kahq0z9pm3v1x8e6t4w2y7rd` });

export const UserId = id('usr', 'user');
export const ChatId = id('chat', 'conversation');
export const WorkspaceId = id('ws', 'workspace');
export const WorkspaceInvitationId = id('wiv', 'invitation to a workspace');
export const InvitationId = id('inv', 'invitation');
export const SessionId = id('ses', 'session');
export const FileId = id('file', 'file');
export const FriendGroupId = id('fgr', 'group of friends');

/** A name the sender gives to a message before it has a seq. Unique per sender, kept as long as the message. */
export const ClientId = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters')
  .meta({ description: 'Idempotency key of the message, chosen by the sender', example: '01kahq0z9pm3v1x8e6t4w2y7rd' });

/** A whole number in a query string. */
export const queryInt = (schema: z.ZodNumber) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(schema)
    .meta({ type: 'integer', minimum: schema.minValue, maximum: schema.maxValue });

export const PageLimit = queryInt(z.int().min(1).max(LIMITS.pageMax))
  .default(LIMITS.pageDefault)
  .meta({ default: LIMITS.pageDefault });

const EMOJI = /^\p{RGI_Emoji}$/v;
/** One emoji that is recommended for interchange (UTS #51). JSON Schema has no pattern for it. */
export const isEmoji = (text: string): boolean => EMOJI.test(text);
