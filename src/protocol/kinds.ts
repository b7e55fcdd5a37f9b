import { z } from 'zod';
import { ChatId, DisplayText, isEmoji, Seq, Timestamp, UserId, utf8Length } from './common.ts';
import { LIMITS } from './limits.ts';

/** What a message can be. What a kind needs and what it refuses stands in `conversation/kinds.ts`. */
export const MessageKind = z
  .enum([
    'text',
    'image',
    'video',
    'audio',
    'voice',
    'file',
    'location',
    'contact',
    'sticker',
    'poll',
    'custom',
    'system',
  ])
  .meta({ id: 'MessageKind' });
export type MessageKind = z.infer<typeof MessageKind>;

/** What a user may send: a system message is the system's alone. */
export const SendableKind = MessageKind.exclude(['system']);
export type SendableKind = z.infer<typeof SendableKind>;

/** The sender of what nobody in particular has done. No account has this id. */
export const SYSTEM_USER = `usr_${'0'.repeat(26)}`;

/** Where a span of the text lies. Both in UTF-16 code units: the index of a string in JavaScript, Java, Swift and C#. */
const span = {
  offset: z.int().min(0).max(LIMITS.contentBytes).meta({ description: 'UTF-16 code units before it' }),
  length: z.int().min(1).max(LIMITS.contentBytes).meta({ description: 'Its length in UTF-16 code units' }),
};

/** Addresses that a tap may open. */
const Link = z.url({ protocol: /^(https?|mailto|tel)$/ }).max(LIMITS.urlLength);

/** A stretch of the text that is more than text. Spans lie beside each other or one within the other. */
export const Entity = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.enum(['bold', 'italic', 'underline', 'strike', 'spoiler', 'code']), ...span }),
    z.strictObject({
      type: z.literal('pre'),
      ...span,
      language: z
        .string()
        .regex(/^[\w+#.-]{1,32}$/, 'must be the name of a language')
        .optional(),
    }),
    z.strictObject({ type: z.literal('link'), ...span, url: Link }),
    z.strictObject({ type: z.literal('mention'), ...span, user_id: UserId }),
    z.strictObject({ type: z.literal('everyone'), ...span }),
  ])
  .meta({ id: 'Entity' });
export type Entity = z.infer<typeof Entity>;

/** A line that a person reads, and that must say something. */
const line = (length: number) => DisplayText.min(1).max(length);

export const Location = z
  .strictObject({
    latitude: z.number().min(-90).max(90).meta({ description: 'Degrees, WGS 84' }),
    longitude: z.number().min(-180).max(180).meta({ description: 'Degrees, WGS 84' }),
    accuracy: z.number().min(0).max(100_000).optional().meta({ description: 'Metres' }),
    name: line(LIMITS.nameLength).optional(),
    address: line(LIMITS.addressLength).optional(),
  })
  .meta({ id: 'Location' });
export type Location = z.infer<typeof Location>;

const Phone = z.string().regex(/^\+?[0-9 ()./-]{2,32}$/, 'must be a phone number');

export const ContactCard = z
  .strictObject({
    name: line(LIMITS.nameLength),
    user_id: UserId.optional().meta({ description: 'Their account here, as the sender says' }),
    phones: z.array(Phone).min(1).max(LIMITS.contactEntries).optional(),
    emails: z.array(z.email().max(254)).min(1).max(LIMITS.contactEntries).optional(),
    organization: line(LIMITS.nameLength).optional(),
  })
  .meta({ id: 'ContactCard' });
export type ContactCard = z.infer<typeof ContactCard>;

const StickerName = z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9, _, . and -');

export const Sticker = z
  .strictObject({
    emoji: z
      .string()
      .max(64)
      .refine(isEmoji, 'must be one emoji')
      .meta({ description: 'What is shown where the picture is not known', example: '🌊' }),
    pack: StickerName.optional().meta({ description: 'A collection that the app knows' }),
    name: StickerName.optional().meta({ description: 'The sticker in its collection; without one the emoji, large' }),
  })
  .refine((sticker) => (sticker.pack === undefined) === (sticker.name === undefined), {
    error: 'pack and name belong together',
  })
  .meta({ id: 'Sticker' });
export type Sticker = z.infer<typeof Sticker>;

export const Poll = z
  .strictObject({
    options: z
      .array(line(LIMITS.pollOptionLength))
      .min(2)
      .max(LIMITS.pollOptions)
      .refine((options) => new Set(options).size === options.length, { error: 'options must differ' }),
    multiple: z.literal(true).optional().meta({ description: 'Each may choose several options' }),
    anonymous: z.literal(true).optional().meta({ description: 'Nobody is told who chose what' }),
    closes_at: Timestamp.optional().meta({ description: 'From then on nobody votes' }),
  })
  .meta({ id: 'Poll' });
export type Poll = z.infer<typeof Poll>;

/** What is wrong with a value of an app; null when nothing is. Never looks deeper than `depth`. */
function flaw(value: unknown, depth: number): string | null {
  if (typeof value === 'string') return value.isWellFormed() ? null : 'contains a lone surrogate';
  if (typeof value !== 'object' || value === null) return null;
  if (depth === 0) return `nests more than ${LIMITS.customDepth} deep`;
  for (const [name, inner] of Object.entries(value)) {
    const found = flaw(name, depth) ?? flaw(inner, depth - 1);
    if (found !== null) return found;
  }
  return null;
}

/** What stands behind a link of a message, as the page itself says. */
export const Preview = z
  .object({
    url: z.string().meta({ description: 'The link, as the message has it' }),
    title: z.string(),
    description: z.string().optional(),
    site_name: z.string().optional(),
  })
  .meta({ id: 'Preview' });
export type Preview = z.infer<typeof Preview>;

/** How a poll stands. */
export const PollResults = z
  .object({
    counts: z.array(z.int()).meta({ description: 'Votes for each option' }),
    voters: z.int().meta({ description: 'People who have voted' }),
    closed_at: Timestamp.optional(),
  })
  .meta({ id: 'PollResults' });
export type PollResults = z.infer<typeof PollResults>;

const Choice = z
  .array(
    z
      .int()
      .min(0)
      .max(LIMITS.pollOptions - 1),
  )
  .max(LIMITS.pollOptions);

export const CastVote = z
  .strictObject({ options: Choice.meta({ description: 'Indexes of the options chosen; none takes the vote back' }) })
  .meta({ id: 'CastVote' });

export const PollView = z
  .object({
    results: PollResults,
    mine: z.array(z.int()).meta({ description: 'The options that the reader has chosen' }),
  })
  .meta({ id: 'PollView' });
export type PollView = z.infer<typeof PollView>;

/** What somebody has voted, in a poll that is not anonymous. */
export const Vote = z.object({ user_id: UserId, options: z.array(z.int()) }).meta({ id: 'Vote' });
export type Vote = z.infer<typeof Vote>;

/**
 * An object of the app's own. Its type ends at the first level, because the types of calls between objects cannot follow
 * it for ever, and has no name, which declarations of other modules would lack. Whatever comes here was read from JSON; it
 * is kept as it is, without a copy.
 */
const AppData = z
  .custom<Record<string, string | number | boolean | null | object>>(
    (data) => typeof data === 'object' && data !== null && !Array.isArray(data),
    {
      error: 'must be an object',
      abort: true,
    },
  )
  .superRefine((data, context) => {
    const found =
      flaw(data, LIMITS.customDepth) ??
      (utf8Length(JSON.stringify(data)) > LIMITS.customBytes
        ? `is more than ${LIMITS.customBytes} bytes as JSON`
        : null);
    if (found !== null) context.addIssue({ code: 'custom', message: found });
  })
  .meta({ type: 'object', additionalProperties: true });

export const Custom = z
  .strictObject({
    type: z
      .string()
      .regex(/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+$/, 'must be a name like com.example.thing')
      .max(128)
      .meta({ description: 'What it is, named by the domain of the app', example: 'com.example.order' }),
    data: AppData,
  })
  .meta({ id: 'Custom' });
export type Custom = z.infer<typeof Custom>;

/** The message that a forwarded one is a copy of. What stands here the server has read in the other conversation. */
export const Origin = z
  .object({ chat_id: ChatId, seq: Seq, sender_id: UserId, created_at: Timestamp })
  .meta({ id: 'Origin' });
export type Origin = z.infer<typeof Origin>;

/** What is quoted of the message answered. In a send the span of its text; without one, its beginning. */
export const QuoteRequest = z.strictObject({ offset: span.offset, length: span.length.max(LIMITS.quoteLength) });
export const Quote = z
  .object({
    sender_id: UserId,
    kind: MessageKind,
    text: z.string().meta({ description: 'Empty when the message had no text there, or was taken back' }),
    offset: z.int(),
    length: z.int(),
  })
  .meta({ id: 'Quote' });
export type Quote = z.infer<typeof Quote>;

/** Whom a message calls that calls everybody: all members, or those who are online. */
export const Everyone = z.enum(['all', 'here']);
export type Everyone = z.infer<typeof Everyone>;

/** The fields that kinds add, as they are sent and as they are read. */
export const kindFields = {
  location: Location.optional(),
  contact: ContactCard.optional(),
  sticker: Sticker.optional(),
  poll: Poll.optional(),
  custom: Custom.optional(),
};
