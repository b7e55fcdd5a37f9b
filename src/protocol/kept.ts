import { z } from 'zod';
import { ChatId, Seq, Timestamp, WellFormedText } from './common.ts';
import { LIMITS } from './limits.ts';
import { Content } from './messages.ts';

/** What the user has begun to write; the id of its row is the conversation's, in a thread `<chat_id>/<thread_seq>`. */
export const Draft = z
  .object({
    chat_id: ChatId,
    thread_seq: Seq.nullable(),
    content: z.string(),
    reply_to: Seq.nullable(),
    updated_at: Timestamp,
  })
  .meta({ id: 'Draft' });
export type Draft = z.infer<typeof Draft>;

/** An empty draft is none. */
export const PutDraft = z
  .strictObject({ content: Content, reply_to: Seq.min(1).optional(), thread_seq: Seq.min(1).optional() })
  .meta({ id: 'PutDraft' });
export type PutDraft = z.infer<typeof PutDraft>;

/** A message kept for later; the id of its row is `<chat_id>/<seq>`. What it says is asked of its conversation. */
export const SavedMessage = z
  .object({ chat_id: ChatId, seq: Seq, note: z.string().nullable(), saved_at: Timestamp })
  .meta({ id: 'SavedMessage' });
export type SavedMessage = z.infer<typeof SavedMessage>;

export const SaveMessage = z
  .strictObject({ note: WellFormedText.min(1).max(LIMITS.descriptionLength).nullish() })
  .meta({ id: 'SaveMessage' });
export type SaveMessage = z.infer<typeof SaveMessage>;
