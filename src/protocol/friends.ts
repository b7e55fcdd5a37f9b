import { z } from 'zod';
import { FriendGroupId, Timestamp, UserId } from './common.ts';

/** Somebody with whom the user is friends; the row's id is theirs. */
export const Friend = z
  .object({
    user_id: UserId,
    remark: z.string().nullable().meta({ description: "The user's private name for them" }),
    group_ids: z.array(FriendGroupId),
    since: Timestamp,
  })
  .meta({ id: 'Friend' });
export type Friend = z.infer<typeof Friend>;
