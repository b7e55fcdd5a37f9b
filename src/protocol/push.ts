import { z } from 'zod';
import { ChatId, Seq, Timestamp, UserId } from './common.ts';

const Key = (bytes: number, description: string) =>
  z
    .string()
    .regex(new RegExp(`^[\\w-]{${Math.ceil((bytes * 4) / 3)}}=*$`), `must be ${bytes} bytes in base64url`)
    .meta({ description });

/** What a browser's `PushSubscription.toJSON()` gives. */
export const CreateSubscription = z
  .strictObject({
    endpoint: z.url({ protocol: /^https$/ }).max(1024),
    expirationTime: z.number().nullish(),
    keys: z.strictObject({
      p256dh: Key(65, 'Public key of the browser'),
      auth: Key(16, 'Authentication secret of the browser'),
    }),
  })
  .meta({ id: 'CreateSubscription' });
export type CreateSubscription = z.infer<typeof CreateSubscription>;

export const SubscriptionId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .meta({ description: 'Opaque id of a push subscription' });

export const Subscription = z
  .object({ id: SubscriptionId, service: z.string(), created_at: Timestamp })
  .meta({ id: 'Subscription' });
export type Subscription = z.infer<typeof Subscription>;

export const PushKey = z
  .object({
    public_key: z.string().nullable().meta({ description: '`applicationServerKey`; null: this server pushes nothing' }),
  })
  .meta({ id: 'PushKey' });

const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00');
const TimeZone = z
  .string()
  .max(64)
  .refine(
    (timeZone) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
      } catch {
        return false;
      }
    },
    { error: 'must be a time zone such as Europe/Berlin' },
  );

/** Every day from `from` up to `to`, over midnight when `to` is the earlier one. */
export const QuietHours = z
  .strictObject({ from: TimeOfDay, to: TimeOfDay, time_zone: TimeZone })
  .meta({ id: 'QuietHours' });
export type QuietHours = z.infer<typeof QuietHours>;

export const NotificationSettings = z
  .strictObject({
    quiet_hours: QuietHours.nullable().meta({ description: 'When nothing is pushed; null: never' }),
    email_digest: z.boolean().optional().meta({
      description: 'Whether a mail says what waits after days in which nobody looked; true when absent',
    }),
  })
  .meta({ id: 'NotificationSettings' });
export type NotificationSettings = z.infer<typeof NotificationSettings>;

/** What a device is pushed: the state of one conversation. A later one takes the place of an earlier one. */
export const PushPayload = z
  .object({
    type: z.literal('message'),
    chat_id: ChatId,
    chat_name: z.string().nullable(),
    seq: Seq,
    sender_id: UserId,
    sender_name: z.string().optional().meta({ description: 'Their name as it is now; absent when it was not found' }),
    preview: z.string().meta({ description: 'The beginning of the text' }),
    mentioned: z.boolean(),
    unread: z.int(),
  })
  .meta({ id: 'PushPayload' });
export type PushPayload = z.infer<typeof PushPayload>;
