import type { ChatKind } from './measured.ts';

/** Conversations of one kind in a community, all together. */
export interface ChatUse {
  kind: ChatKind;
  /** How many there are. */
  chats: number;
  /** Messages in all of them, on a day of use. */
  messages: number;
  /** Share of the messages that come alone, after a pause in which the room sleeps; the others are 3 s apart. */
  isolated: number;
  /** Typing signals for each message: one every three seconds while it is written. */
  typing: number;
  /** Where the conversation is not of the size that was measured: members online elsewhere, and in the room. */
  scale?: { online: number; inRoom: number };
}

/** What people do, as far as it is assumed: everything that was not measured. */
export interface Community {
  name: string;
  /** People with an account, and those who use it on a day of use. */
  users: number;
  daily: number;
  /** Days of use in a month. */
  days: number;
  chats: ChatUse[];
  /** Of each daily user, on a day of use. */
  perDay: {
    /** Times that the app comes to the foreground and connects. */
    opens: number;
    /** Hours with a socket open. */
    hours: number;
    /** Large and huge conversations with news at an opening. */
    largeChatsWithNews: number;
    /** Conversations put on screen: a socket to the room and a page of history. */
    chatsOpened: number;
    /** Pages of older history. */
    historyPages: number;
    signIns: number;
  };
  /** People with whom a user shares a Single: they are told of coming and going. */
  peers: number;
  /** New accounts and new Singles in a month. */
  newUsers: number;
  newSingles: number;
  /** Months of messages that are kept, and conversations in a user's list. */
  monthsKept: number;
  chatsPerUser: number;
}

export const COMMUNITIES: readonly Community[] = [
  {
    name: 'a team of 50',
    users: 50,
    daily: 45,
    days: 22,
    chats: [
      { kind: 'dm', chats: 250, messages: 810, isolated: 0.2, typing: 2 },
      { kind: 'dm_away', chats: 150, messages: 90, isolated: 0.5, typing: 2 },
      { kind: 'group_12', chats: 20, messages: 720, isolated: 0.3, typing: 2 },
      { kind: 'channel_50', chats: 5, messages: 180, isolated: 0.5, typing: 2 },
    ],
    perDay: { opens: 20, hours: 9, largeChatsWithNews: 1, chatsOpened: 40, historyPages: 10, signIns: 0.05 },
    peers: 16,
    newUsers: 1,
    newSingles: 20,
    monthsKept: 12,
    chatsPerUser: 30,
  },
  {
    name: 'a product with 10,000 daily users',
    users: 40_000,
    daily: 10_000,
    days: 30,
    chats: [
      { kind: 'dm', chats: 120_000, messages: 90_000, isolated: 0.2, typing: 2 },
      { kind: 'dm_away', chats: 80_000, messages: 60_000, isolated: 0.5, typing: 2 },
      { kind: 'group_8', chats: 15_000, messages: 80_000, isolated: 0.3, typing: 2 },
      { kind: 'group_150', chats: 200, messages: 20_000, isolated: 0.3, typing: 1 },
    ],
    perDay: { opens: 10, hours: 1.5, largeChatsWithNews: 0.5, chatsOpened: 15, historyPages: 3, signIns: 0.02 },
    peers: 10,
    newUsers: 3000,
    newSingles: 10_000,
    monthsKept: 12,
    chatsPerUser: 15,
  },
  {
    name: 'a channel of 100,000 subscribers',
    users: 100_000,
    daily: 30_000,
    days: 30,
    chats: [
      { kind: 'huge', chats: 1, messages: 20, isolated: 1, typing: 0, scale: { online: 2000, inRoom: 500 } },
      { kind: 'dm_away', chats: 200, messages: 200, isolated: 0.5, typing: 2 },
    ],
    perDay: { opens: 3, hours: 0.2, largeChatsWithNews: 1, chatsOpened: 2, historyPages: 1, signIns: 0.01 },
    peers: 0,
    newUsers: 5000,
    newSingles: 20,
    monthsKept: 12,
    chatsPerUser: 1,
  },
];

/** What one machine cannot tell, the same for all communities. */
export const ASSUMED = {
  /** Time that an object is awake for one thing to do, ms. */
  spell_ms: 5,
  /** And beside it when it waits for a call to another object, which may be far away, ms. */
  call_ms: 40,
  /**
   * Time that an object is charged for after its last thing to do. By the price list none: "eligible for hibernation"
   * is not charged, even before the runtime has hibernated it. The report also says what 10 s would cost.
   */
  tail_ms: 0,
  /** CPU of the Worker for a request, and for one that hashes a password, ms. */
  request_cpu_ms: 3,
  password_cpu_ms: 60,
  /** Idle clients send a `ping` so often, seconds. Answered without waking the object, and counted as a message. */
  ping_s: 25,
  /** An open socket's token is renewed so often, minutes. */
  renew_min: 12,
  /** Bytes of one log event, and the share of events that are logged (`head_sampling_rate`). Logs are kept for 7 days. */
  log_bytes: 1500,
  log_share: 1,
  log_days: 7,
  /** Bytes of a user in D1, with a session and a few rows beside it. */
  d1_user_bytes: 2000,
  /** Bytes of one row of a member in a room. */
  member_bytes: 150,
} as const;
export type Assumed = { readonly [Name in keyof typeof ASSUMED]: number };
