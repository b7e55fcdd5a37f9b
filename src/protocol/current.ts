import { z } from 'zod';
import { isEmoji, Seq, Timestamp, UserId } from './common.ts';
import { PollResults, Preview } from './kinds.ts';

const CUSTOM = /^:[a-z0-9_+-]{1,32}:$/;

/** One spelling of each emoji: with the selector that shows it as a picture, where it needs one. */
const spelled = (text: string): string => (isEmoji(`${text}\ufe0f`) ? `${text}\ufe0f` : text);

/** What people react with: one emoji, or a custom one by its name. */
export const Emoji = z
  .string()
  .max(64)
  .overwrite(spelled)
  .refine((text) => isEmoji(text) || CUSTOM.test(text), {
    error: 'must be one emoji, or the :name: of a custom one',
  })
  .meta({ description: 'One emoji of Unicode, or `:name:` of a custom one', example: '👍' });

/** How many reacted with one emoji. Who they are is read by page. */
export const Reaction = z
  .object({
    emoji: z.string(),
    count: z.int(),
    mine: z.literal(true).optional().meta({ description: 'The reader is among them' }),
  })
  .meta({ id: 'Reaction' });
export type Reaction = z.infer<typeof Reaction>;

/** What the first message of a thread says of its replies. */
export const Thread = z
  .object({
    replies: z.int().meta({ description: 'All that were ever sent: the ordinal of the newest' }),
    last_seq: Seq,
    last_repliers: z.array(UserId).meta({ description: 'Who replied last, the latest first, each once' }),
  })
  .meta({ id: 'Thread' });
export type Thread = z.infer<typeof Thread>;

const by = { user_id: UserId, created_at: Timestamp };

/**
 * What becomes of a message after it was sent: fields beside those its sender chose. Each follows from the message and the
 * events after it (`state.ts`), so whoever holds the events holds the state. An absent field means that there is nothing to say.
 */
export const messageState = {
  edited_at: Timestamp.optional(),
  recalled: z
    .object(by)
    .optional()
    .meta({ description: 'Taken back, by whom and when: the message stands, and says nothing any more' }),
  reactions: z.array(Reaction).optional().meta({ description: 'In the order in which they first came' }),
  pinned: z.object(by).optional(),
  preview: Preview.optional(),
  results: PollResults.optional().meta({ description: 'How the poll stands; absent while nobody has voted' }),
  thread: Thread.optional().meta({ description: 'The replies to this message that stand in its thread' }),
};

/** Where a message stands and how long: chosen by its sender or given by the room, never changed later. */
export const placement = {
  thread_seq: Seq.min(1).optional().meta({ description: 'The message whose thread this one is in' }),
  thread_ordinal: z.int().optional().meta({ description: 'Number of this reply among the replies of its thread' }),
  also_to_chat: z.literal(true).optional().meta({ description: 'A reply that stands in the conversation as well' }),
  expires_at: Timestamp.optional().meta({ description: 'From then on it is gone: see disappearing messages' }),
};
