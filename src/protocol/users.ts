import { z } from 'zod';
import { DisplayText, SessionId, Timestamp, UserId, WellFormedText } from './common.ts';
import { Emoji } from './current.ts';
import { LIMITS } from './limits.ts';

export const Email = z.string().trim().toLowerCase().max(254).pipe(z.email()).meta({
  type: 'string',
  format: 'email',
  maxLength: 254,
  description: 'Compared without regard to case',
  example: 'ada@example.com',
});
export const Fullname = DisplayText.min(1).max(LIMITS.fullnameLength);
export const Handle = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z][a-z0-9_]{2,31}$/, 'must be 3 to 32 of a-z, 0-9 and _, beginning with a letter')
  .meta({ description: 'Public name, unique, compared without regard to case', example: 'ada' });
/** Length is checked before the hash is computed: a long password costs nothing. */
export const Password = WellFormedText.min(LIMITS.passwordMin).max(LIMITS.passwordMax);
export const Avatar = z.url({ protocol: /^https?$/ }).max(2048);
export const UserStatus = z.enum(['Active', 'Suspended']);

/** The signed-in user's own account. */
export const User = z
  .object({
    id: UserId,
    fullname: z.string(),
    email: z.string(),
    handle: z.string().nullable(),
    avatar: z.string().nullable(),
    status: UserStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;

/** What others see of a user. */
export const Profile = z
  .object({ id: UserId, fullname: z.string(), handle: z.string().nullable(), avatar: z.string().nullable() })
  .meta({ id: 'Profile' });
export type Profile = z.infer<typeof Profile>;

export const UpdateUser = z
  .strictObject({ fullname: Fullname.optional(), handle: Handle.nullish(), avatar: Avatar.nullish() })
  .meta({ id: 'UpdateUser' });
export type UpdateUser = z.infer<typeof UpdateUser>;

export const DeviceName = DisplayText.min(1).max(64);
export const SignUp = z
  .strictObject({
    fullname: Fullname,
    email: Email,
    password: Password,
    handle: Handle.optional(),
    device: DeviceName.optional(),
  })
  .meta({ id: 'SignUp' });
export type SignUp = z.infer<typeof SignUp>;
export const SignIn = z
  .strictObject({
    email: z.string().max(1024),
    password: z.string().max(LIMITS.passwordMax),
    device: DeviceName.optional(),
  })
  .meta({ id: 'SignIn' });
export type SignIn = z.infer<typeof SignIn>;
export const Refresh = z
  .strictObject({
    refresh_token: z.string().max(4096),
    attempt: z
      .string()
      .regex(/^[0-9A-Za-z_-]{22,64}$/)
      .optional()
      .meta({
        description:
          'A random name for this attempt (at least 128 bits). The same token sent again with the same attempt within a minute gets the same answer, so that an answer lost on the way does not end the session. Any other second use ends it.',
      }),
  })
  .meta({ id: 'Refresh' });
export const ChangePassword = z
  .strictObject({ current_password: z.string().max(LIMITS.passwordMax), new_password: Password })
  .meta({ id: 'ChangePassword' });

/** What sign-up, sign-in and refresh answer. */
export const Tokens = z
  .object({
    token: z.string().meta({ description: 'Access token (JWT, EdDSA)' }),
    refresh_token: z.string().meta({ description: 'Good for one refresh' }),
    expires_in: z.int().meta({ description: 'Seconds until the access token ends' }),
    user: User,
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.infer<typeof Tokens>;

export const Session = z
  .object({
    id: SessionId,
    device: z.string().nullable(),
    created_at: Timestamp,
    last_used_at: Timestamp,
    current: z.boolean().meta({ description: 'The session of this request' }),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

/** What a user says of themself; a row of their own inbox, too. */
export const Status = z
  .object({
    text: z.string(),
    emoji: z.string().nullable(),
    busy: z.boolean().meta({ description: 'While online the user is shown as busy' }),
    expires_at: Timestamp.nullable(),
  })
  .meta({ id: 'Status' });
export type Status = z.infer<typeof Status>;
export const SetStatus = z
  .strictObject({
    text: DisplayText.max(LIMITS.statusLength).default(''),
    emoji: Emoji.nullish(),
    busy: z.boolean().default(false),
    expires_at: Timestamp.nullish().meta({ description: 'Gone from then on; a time to come' }),
  })
  .meta({ id: 'SetStatus' });
export type SetStatus = z.infer<typeof SetStatus>;

/** `away`: every device has been left alone for a while. Fields of the `presence` frame. */
export const presenceFields = {
  user_id: UserId,
  state: z.enum(['online', 'away', 'busy', 'offline']),
  last_seen: Timestamp.nullable().meta({ description: 'null also when the user does not tell' }),
  status: z.union([Status, z.null()]),
};
export const Presence = z.object(presenceFields).meta({ id: 'Presence' });
export type Presence = z.infer<typeof Presence>;
