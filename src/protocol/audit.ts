import { z } from 'zod';
import { ChatId, UserId } from './common.ts';

/** What an audit may find: two places that disagree. The owner of the fact is right, and the other is repaired. */
export const FindingKind = z.enum([
  'room.missing',
  'room.undead',
  'directory.behind',
  'member.unknown',
  'member.outside',
  'inbox.missing',
  'inbox.behind',
  'inbox.ghost',
  'status.behind',
]);

export const Finding = z
  .object({
    kind: FindingKind,
    chat_id: ChatId.optional(),
    user_id: UserId.optional(),
    repaired: z.boolean(),
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof Finding>;

export const AuditRequest = z
  .strictObject({
    part: z.enum(['chats', 'users']).meta({ description: 'From the directory to rooms and inboxes, or from users' }),
    after: z.string().max(128).default('').meta({ description: '`next_cursor` of the answer before' }),
    repair: z.boolean().default(false),
  })
  .meta({ id: 'AuditRequest' });

export const AuditAnswer = z
  .object({
    findings: z.array(Finding),
    checked: z.int().meta({ description: 'Conversations or users that were looked at' }),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'AuditAnswer' });
export type AuditAnswer = z.infer<typeof AuditAnswer>;
