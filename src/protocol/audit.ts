import { z } from 'zod';
import { ChatId, FileId, UserId } from './common.ts';

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
  'item.behind',
  'block.behind',
  'retention.behind',
  'channel.behind',
  'file.lost',
  'file.unlinked',
  'object.missing',
  'object.unknown',
]);

export const Finding = z
  .object({
    kind: FindingKind,
    chat_id: ChatId.optional(),
    user_id: UserId.optional(),
    file_id: FileId.optional(),
    item: z.string().optional().meta({ description: 'A row of the inbox: its kind and id', example: 'privacy/me' }),
    object: z.string().optional().meta({ description: 'Key of an object in R2' }),
    repaired: z.boolean(),
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof Finding>;

/** In this order: what one part repairs the next one may find. */
export const AUDIT_PARTS = ['files', 'objects', 'chats', 'users'] as const;
export type AuditPart = (typeof AUDIT_PARTS)[number];

export const AuditRequest = z
  .strictObject({
    part: z.enum(AUDIT_PARTS).meta({
      description:
        '`files`: from contents that D1 has to R2; `objects`: from R2 to D1; `chats`: from the directory to rooms, inboxes and files; `users`: from users to inboxes',
    }),
    after: z.string().max(128).default('').meta({ description: '`next_cursor` of the answer before' }),
    repair: z.boolean().default(false),
  })
  .meta({ id: 'AuditRequest' });

export const AuditAnswer = z
  .object({
    findings: z.array(Finding),
    checked: z.int().meta({ description: 'Contents, objects, conversations or users that were looked at' }),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'AuditAnswer' });
export type AuditAnswer = z.infer<typeof AuditAnswer>;
