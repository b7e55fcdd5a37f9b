import { addUsage, noUsage, type Usage } from './bill.ts';
import type { Assumed, ChatUse, Community } from './communities.ts';
import type { ChatUnits, Measurements, Unit, Used } from './measured.ts';
import { beyond, mix, timesUsed } from './units.ts';

const GIGABYTE = 1e9;
/** An object is charged for 128 MB while it is awake. */
const OBJECT_GB = 0.128;
/** A message on a socket counts as this part of a request. */
const MESSAGE_SHARE = 1 / 20;
/** A message on a queue is written, read and deleted. */
const QUEUE_OPERATIONS = 3;
/** Sockets that one relay holds. */
const SOCKETS_PER_RELAY = 1000;
const MINUTES_PER_MONTH = 30 * 24 * 60;

/** The parts into which a bill is taken apart. */
export const FEATURES = [
  'messages: stored and acknowledged',
  'messages: inboxes and relays told',
  'delivery confirmed',
  'read marks',
  'typing',
  'apps opened and closed',
  'presence',
  'conversations opened, history',
  'sockets kept open',
  'accounts and sign-in',
  'data at rest',
  'the clock',
] as const;
export type Feature = (typeof FEATURES)[number];

/** What a unit uses of everything that is charged for. */
export function usageOf(unit: Unit, assumed: Assumed): Usage {
  const usage = noUsage();
  let events = unit.worker.requests;
  for (const used of [unit.worker, unit.room, unit.inbox, unit.relay]) {
    usage.object_requests += used.calls + used.alarms + used.messages * MESSAGE_SHARE;
    events += used.calls + used.alarms + used.messages;
    usage.d1_rows_read += used.d1_rows_read;
    usage.d1_rows_written += used.d1_rows_written;
    usage.queue_operations += used.queued * QUEUE_OPERATIONS;
  }
  for (const used of [unit.room, unit.inbox, unit.relay]) {
    usage.object_rows_read += used.rows_read;
    usage.object_rows_written += used.rows_written;
    const awakeMs =
      used.spells * (assumed.spell_ms + assumed.tail_ms) + used.spells_with_calls * assumed.call_ms + used.timer_ms;
    usage.object_gb_s += (awakeMs / 1000) * OBJECT_GB;
  }
  usage.worker_requests = unit.worker.requests;
  usage.worker_cpu_ms = unit.worker.requests * assumed.request_cpu_ms;
  usage.log_ingested_gb = (events * assumed.log_share * assumed.log_bytes) / GIGABYTE;
  usage.log_stored_gb = (usage.log_ingested_gb * assumed.log_days) / 30;
  return usage;
}

const NOTHING: Used = {
  requests: 0,
  calls: 0,
  notices: 0,
  alarms: 0,
  messages: 0,
  rows_read: 0,
  rows_written: 0,
  spells: 0,
  spells_with_calls: 0,
  timer_ms: 0,
  d1_rows_read: 0,
  d1_rows_written: 0,
  queued: 0,
};
const only = (part: Partial<Unit>): Unit => ({
  worker: NOTHING,
  room: NOTHING,
  inbox: NOTHING,
  relay: NOTHING,
  ...part,
});

/** What one message costs in a conversation, taken apart. */
function messageUnits(chat: ChatUnits, use: ChatUse) {
  const message = mix(chat.isolated, chat.conversation, use.isolated);
  const online = use.scale === undefined ? 1 : use.scale.online / chat.online;
  // Of those online some inboxes were real; the others, which were only counted, cost the same.
  const inboxes = use.scale === undefined ? 1 : use.scale.online / Math.min(chat.real, chat.online);
  const inRoom = use.scale === undefined ? 1 : use.scale.inRoom / chat.in_room;
  const relays = use.scale === undefined ? 1 : Math.ceil(use.scale.inRoom / SOCKETS_PER_RELAY);
  const told = { calls: message.room.notices * online, notices: message.room.notices * online };
  const beside = message.room.calls - message.room.notices;
  return {
    stored: only({ room: { ...message.room, calls: 0, notices: 0 }, worker: message.worker }),
    told: only({
      room: { ...NOTHING, calls: told.calls + beside * relays, notices: told.notices },
      inbox: timesUsed(message.inbox, inboxes),
      relay: timesUsed(message.relay, relays),
    }),
    confirmed: scaled(beyond(chat.confirmed, chat.conversation), inRoom, inboxes),
    read: scaled(beyond(chat.read, chat.confirmed), inRoom, inboxes),
    typing: scaled(chat.typing, 1, inboxes),
  };
}

const scaled = (unit: Unit, inRoom: number, inboxes: number): Unit => ({
  worker: unit.worker,
  room: timesUsed(unit.room, inRoom),
  inbox: timesUsed(unit.inbox, inboxes),
  relay: timesUsed(unit.relay, inRoom),
});

/** What a community uses in a month, by feature. */
export function usageOfCommunity(
  community: Community,
  { chats, operations, stored }: Measurements,
  assumed: Assumed,
): Record<Feature, Usage> {
  const features = Object.fromEntries(FEATURES.map((feature) => [feature, noUsage()])) as Record<Feature, Usage>;
  const put = (feature: Feature, unit: Unit, times: number) =>
    addUsage(features[feature], usageOf(unit, assumed), times);
  const { users, daily, days, perDay, peers, newUsers, newSingles, monthsKept, chatsPerUser } = community;

  let messages = 0;
  for (const use of community.chats) {
    const units = messageUnits(chats[use.kind], use);
    const month = use.messages * days;
    messages += month;
    put('messages: stored and acknowledged', units.stored, month);
    put('messages: inboxes and relays told', units.told, month);
    put('delivery confirmed', units.confirmed, month);
    put('read marks', units.read, month);
    put('typing', units.typing, month * use.typing);
  }

  const userDays = daily * days;
  const opens = userDays * perDay.opens;
  const hours = userDays * perDay.hours;
  put('apps opened and closed', operations.open_app, opens);
  put('apps opened and closed', operations.close_app, opens);
  put('apps opened and closed', operations.open_app_per_large_chat, opens * perDay.largeChatsWithNews);
  put('apps opened and closed', operations.farewell_per_large_chat, opens * perDay.largeChatsWithNews);
  put('presence', operations.open_app_per_peer, opens * peers);
  put('presence', operations.close_app_per_peer, opens * peers);
  const opened = userDays * perDay.chatsOpened;
  put('conversations opened, history', operations.open_chat, opened);
  put('conversations opened, history', operations.close_chat, opened);
  put('conversations opened, history', operations.history_page, userDays * perDay.historyPages);
  put('sockets kept open', operations.renew_socket, (hours * 60) / assumed.renew_min);
  put('sockets kept open', operations.refresh, (hours * 60) / assumed.renew_min);
  const pings = (hours * 3600) / assumed.ping_s;
  features['sockets kept open'].object_requests += pings * MESSAGE_SHARE;
  const signIns = userDays * perDay.signIns;
  put('accounts and sign-in', operations.sign_in, signIns);
  put('accounts and sign-in', operations.sign_up, newUsers);
  put('accounts and sign-in', operations.create_dm, newSingles);
  features['accounts and sign-in'].worker_cpu_ms += (signIns + newUsers) * assumed.password_cpu_ms;
  put('the clock', operations.cron, MINUTES_PER_MONTH);

  const rest = features['data at rest'];
  const members = community.chats.reduce(
    (sum, { kind, chats: count }) => sum + count * membersOf(chats[kind], kind, users),
    0,
  );
  rest.object_stored_gb =
    (community.chats.reduce((sum, use) => sum + use.chats, 0) * stored.room +
      messages * monthsKept * stored.per_message +
      members * assumed.member_bytes +
      users * (stored.inbox + chatsPerUser * stored.per_chat_in_inbox)) /
    GIGABYTE;
  rest.d1_stored_gb = (users * assumed.d1_user_bytes) / GIGABYTE;
  return features;
}

/** A huge conversation has everybody as a member. */
const membersOf = ({ members }: ChatUnits, kind: ChatUse['kind'], users: number): number =>
  kind === 'huge' ? Math.max(members, users) : members;

/** Messages in a month. */
export const messagesPerMonth = ({ chats, days }: Community): number =>
  chats.reduce((sum, { messages }) => sum + messages * days, 0);
