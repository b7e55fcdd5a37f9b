import { z } from 'zod';
import { DisplayText, FriendGroupId, Timestamp, UserId, WellFormedText } from './common.ts';
import { LIMITS } from './limits.ts';

/**
 * How the user stands to somebody. `sent`: the user asked them to be friends; `received`: they asked; `none`: neither, and
 * there is a row only because the user has blocked them.
 */
export const ContactState = z.enum(['none', 'sent', 'received', 'friend']).meta({ id: 'ContactState' });
export type ContactState = z.infer<typeof ContactState>;

/** Where somebody was found, as the client names it: `search`, `group`, `card` … */
export const RequestSource = DisplayText.min(1).max(LIMITS.requestSourceLength);
export const RequestText = WellFormedText.max(LIMITS.requestTextLength);
export const Remark = DisplayText.min(1).max(LIMITS.nameLength);
export const FriendGroupName = DisplayText.min(1).max(LIMITS.nameLength);

/** A person as the user has them: friend, request, block. The id of its row in the inbox is theirs. Only the user sees it. */
export const Contact = z
  .object({
    user_id: UserId,
    state: ContactState,
    request: z
      .object({ text: z.string(), source: z.string().nullable(), created_at: Timestamp })
      .nullable()
      .meta({ description: 'What was asked, in `sent` and `received`' }),
    since: Timestamp.nullable().meta({ description: 'When the two became friends' }),
    remark: z.string().nullable().meta({ description: "The user's private name for a friend" }),
    group_ids: z
      .array(FriendGroupId)
      .meta({ description: 'Ids of groups that are deleted may be among them: ignore those' }),
    blocked: z.boolean().meta({ description: 'The user has blocked them' }),
  })
  .meta({ id: 'Contact' });
export type Contact = z.infer<typeof Contact>;

/** A private list of friends; `group_ids` of contacts say who is in it. */
export const FriendGroup = z
  .object({ id: FriendGroupId, name: z.string(), created_at: Timestamp })
  .meta({ id: 'FriendGroup' });
export type FriendGroup = z.infer<typeof FriendGroup>;

/** What others may do, and see of the user. */
export const Privacy = z
  .object({
    friend_requests: z.enum(['anyone', 'approval', 'nobody']).meta({
      description: 'Who asks becomes a friend at once, waits for an answer, or is refused',
    }),
    messages: z.enum(['everyone', 'friends', 'workspace']).meta({
      description:
        'Who may begin a Single with the user: everyone, friends, or friends and those who share a workspace. One that exists goes on.',
    }),
    last_seen: z.enum(['everyone', 'friends', 'nobody']).meta({
      description: 'Who is told `last_seen`, among those who may see whether the user is online',
    }),
  })
  .meta({ id: 'Privacy' });
export type Privacy = z.infer<typeof Privacy>;
export const DEFAULT_PRIVACY: Privacy = { friend_requests: 'approval', messages: 'everyone', last_seen: 'everyone' };

export const UpdatePrivacy = z
  .strictObject({
    friend_requests: Privacy.shape.friend_requests.optional(),
    messages: Privacy.shape.messages.optional(),
    last_seen: Privacy.shape.last_seen.optional(),
  })
  .meta({ id: 'UpdatePrivacy' });
export type UpdatePrivacy = z.infer<typeof UpdatePrivacy>;

export const RequestFriend = z
  .strictObject({ user_id: UserId, text: RequestText.default(''), source: RequestSource.nullish() })
  .meta({ id: 'RequestFriend' });
export type RequestFriend = z.infer<typeof RequestFriend>;
export const UpdateFriend = z
  .strictObject({
    remark: Remark.nullish(),
    group_ids: z.array(FriendGroupId).max(LIMITS.friendGroups).optional(),
  })
  .meta({ id: 'UpdateFriend' });
export type UpdateFriend = z.infer<typeof UpdateFriend>;
export const NameFriendGroup = z.strictObject({ name: FriendGroupName }).meta({ id: 'NameFriendGroup' });
