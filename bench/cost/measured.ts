import { z } from 'zod';

/** Averages of one operation, for the objects of one kind (or the Worker). */
const Used = z.object({
  requests: z.number(),
  /** Calls made to objects, each a request of the object called; and those of them that told inboxes of something. */
  calls: z.number(),
  notices: z.number(),
  alarms: z.number(),
  messages: z.number(),
  rows_read: z.number(),
  rows_written: z.number(),
  /** Times at which an idle object got something to do, and those of them in which it waited for a call of its own. */
  spells: z.number(),
  spells_with_calls: z.number(),
  /** Time in which a pause or timer kept objects awake, ms. */
  timer_ms: z.number(),
  d1_rows_read: z.number(),
  d1_rows_written: z.number(),
  queued: z.number(),
});
export type Used = z.infer<typeof Used>;

/** What one operation uses: the Worker, and the objects by kind. */
export const Unit = z.object({ worker: Used, room: Used, inbox: Used, relay: Used });
export type Unit = z.infer<typeof Unit>;

/** What the cost of a message depends on. Every figure is for one message, or for one frame that says "typing". */
const ChatUnits = z.object({
  members: z.number(),
  /** Members with a device on their inbox, and members (of those) in the room. */
  online: z.number(),
  in_room: z.number(),
  /** Inboxes that were real objects; the others were counted only. */
  real: z.number(),
  isolated: Unit,
  conversation: Unit,
  /** As `conversation`, with clients that confirm what they get. */
  confirmed: Unit,
  /** As `confirmed`, and those in the room read it. */
  read: Unit,
  typing: Unit,
});
export type ChatUnits = z.infer<typeof ChatUnits>;

export const CHAT_KINDS = ['dm', 'dm_away', 'group_8', 'group_12', 'channel_50', 'group_150', 'huge'] as const;
export type ChatKind = (typeof CHAT_KINDS)[number];

export const OPERATIONS = [
  'sign_up',
  'sign_in',
  'refresh',
  'renew_socket',
  'open_app',
  'close_app',
  'open_app_per_peer',
  'close_app_per_peer',
  'open_app_per_large_chat',
  'farewell_per_large_chat',
  'open_chat',
  'close_chat',
  'history_page',
  'list_chats',
  'sync',
  'create_dm',
  'cron',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The measured inputs of the model, as they are saved. */
export const Measurements = z.object({
  version: z.literal(1),
  date: z.string(),
  machine: z.string(),
  chats: z.record(z.enum(CHAT_KINDS), ChatUnits),
  operations: z.record(z.enum(OPERATIONS), Unit),
  /** Sizes in bytes: of an object's database as it begins, and what each message or conversation adds. */
  stored: z.object({
    room: z.number(),
    per_message: z.number(),
    inbox: z.number(),
    per_chat_in_inbox: z.number(),
  }),
});
export type Measurements = z.infer<typeof Measurements>;
