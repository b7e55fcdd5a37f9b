import { z } from 'zod';
import { Seq, Timestamp } from './common.ts';
import { Emoji } from './current.ts';
import { editableFields, Message } from './messages.ts';

/**
 * What can be done to a message. A change is one entry here, its rule and its event in `conversation/changes.ts`,
 * and the event's effect in `state.ts`.
 */
export const MessageChange = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('edit'), ...editableFields }),
    z.strictObject({ type: z.literal('recall') }),
    z.strictObject({ type: z.literal('react'), emoji: Emoji }),
    z.strictObject({ type: z.literal('unreact'), emoji: Emoji }),
    z.strictObject({ type: z.literal('pin') }),
    z.strictObject({ type: z.literal('unpin') }),
  ])
  .meta({ id: 'MessageChange' });
export type MessageChange = z.infer<typeof MessageChange>;

/** The answer to a change over REST. */
export const ChangedMessage = z
  .object({
    seq: Seq.meta({ description: 'Whoever holds the log up to here holds the change' }),
    created_at: Timestamp,
    duplicate: z.boolean().optional().meta({ description: 'It had been made before: nothing was appended' }),
    message: Message.meta({ description: 'The message as it is now' }),
  })
  .meta({ id: 'ChangedMessage' });
export type ChangedMessage = z.infer<typeof ChangedMessage>;
