import { describe, expect, it } from 'vitest';
import { billFor } from './bill.ts';
import { ASSUMED, type Community } from './communities.ts';
import {
  CHAT_KINDS,
  type ChatKind,
  type ChatUnits,
  Measurements,
  OPERATIONS,
  type Operation,
  type Unit,
  type Used,
} from './measured.ts';
import { FEATURES, type Feature, messagesPerMonth, usageOf, usageOfCommunity } from './model.ts';
import { PRICE_LIST } from './prices.ts';
import { beyond, mix } from './units.ts';

const used = (part: Partial<Used> = {}): Used => ({
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
  ...part,
});
const unit = (part: Partial<Record<keyof Unit, Partial<Used>>> = {}): Unit => ({
  worker: used(part.worker),
  room: used(part.room),
  inbox: used(part.inbox),
  relay: used(part.relay),
});
const chat = (part: Partial<ChatUnits> = {}): ChatUnits => ({
  members: 2,
  online: 2,
  in_room: 2,
  real: 2,
  isolated: unit(),
  conversation: unit(),
  confirmed: unit(),
  read: unit(),
  typing: unit(),
  ...part,
});
const measurements = (
  chats: Partial<Record<ChatKind, ChatUnits>> = {},
  operations: Partial<Record<Operation, Unit>> = {},
): Measurements => ({
  version: 1,
  date: '2026-11-21T00:00:00.000Z',
  machine: 'a test',
  chats: Object.fromEntries(CHAT_KINDS.map((kind) => [kind, chats[kind] ?? chat()])) as Record<ChatKind, ChatUnits>,
  operations: Object.fromEntries(OPERATIONS.map((name) => [name, operations[name] ?? unit()])) as Record<
    Operation,
    Unit
  >,
  stored: { room: 50_000, per_message: 250, inbox: 40_000, per_chat_in_inbox: 1000 },
});
const village: Community = {
  name: 'a village',
  users: 100,
  daily: 10,
  days: 20,
  chats: [],
  perDay: { opens: 2, hours: 1, largeChatsWithNews: 0, chatsOpened: 0, historyPages: 0, signIns: 0 },
  peers: 0,
  newUsers: 0,
  newSingles: 0,
  monthsKept: 12,
  chatsPerUser: 3,
};
const dms = (messages: number, isolated = 0): Community => ({
  ...village,
  chats: [{ kind: 'dm', chats: 10, messages, isolated, typing: 2 }],
});
const total = (features: Record<Feature, { [meter: string]: number }>, meter: string) =>
  Object.values(features).reduce((sum, usage) => sum + (usage[meter] ?? 0), 0);

describe('what a unit uses', () => {
  it('counts a call and an alarm as a request each, a message on a socket as a twentieth, and each of them as an event to log', () => {
    const usage = usageOf(unit({ worker: { requests: 1, calls: 2 }, room: { alarms: 1, messages: 20 } }), ASSUMED);
    expect(usage.worker_requests).toBe(1);
    expect(usage.object_requests).toBeCloseTo(2 + 1 + 20 / 20, 9);
    expect(usage.log_ingested_gb).toBeCloseTo((24 * ASSUMED.log_bytes) / 1e9, 15);
  });

  it('charges 128 MB for the time in which an object does something, waits for a call, or has a timer', () => {
    const inRoom = { spells: 2, spells_with_calls: 1, timer_ms: 100 };
    const usage = usageOf(unit({ room: inRoom }), ASSUMED);
    const ms = 2 * ASSUMED.spell_ms + ASSUMED.call_ms + 100;
    expect(usage.object_gb_s).toBeCloseTo((ms / 1000) * 0.128, 12);
    const withTail = usageOf(unit({ room: inRoom }), { ...ASSUMED, tail_ms: 10_000 });
    expect(withTail.object_gb_s).toBeCloseTo(((ms + 20_000) / 1000) * 0.128, 9);
  });

  it('takes a queue message for three operations', () => {
    expect(usageOf(unit({ worker: { queued: 2 } }), ASSUMED).queue_operations).toBe(6);
  });
});

describe('a community', () => {
  it('in which nothing happens costs the plan: data at rest and pings stay within what is included', () => {
    const features = usageOfCommunity(village, measurements(), ASSUMED);
    expect(billFor(features, PRICE_LIST).total).toBe(PRICE_LIST.plan);
    expect(Object.keys(features)).toEqual([...FEATURES]);
  });

  it('pays for each message, mixed of those that come alone and those that do not', () => {
    const dm = chat({
      isolated: unit({ room: { rows_written: 3 } }),
      conversation: unit({ room: { rows_written: 2 } }),
    });
    const features = usageOfCommunity(dms(100, 0.25), measurements({ dm }), ASSUMED);
    expect(messagesPerMonth(dms(100))).toBe(2000);
    expect(features['messages: stored and acknowledged'].object_rows_written).toBeCloseTo(2000 * 2.25, 6);
    expect(total(features, 'object_rows_written')).toBeCloseTo(2000 * 2.25, 6);
  });

  it('puts every use of a message to one account: the room, the telling, confirming, reading, typing', () => {
    const step = (rows: number, calls: number) =>
      unit({ room: { rows_written: rows, calls, notices: 2 }, inbox: { rows_written: rows } });
    const dm = chat({
      isolated: step(2, 2),
      conversation: step(2, 2),
      confirmed: step(3, 4),
      read: step(5, 5),
      typing: unit({ room: { calls: 1 } }),
    });
    const features = usageOfCommunity(dms(1), measurements({ dm }), ASSUMED);
    const rows = (feature: Feature) => features[feature].object_rows_written / 20;
    expect(rows('messages: stored and acknowledged')).toBeCloseTo(2, 9);
    expect(rows('messages: inboxes and relays told')).toBeCloseTo(2, 9);
    expect(rows('delivery confirmed')).toBeCloseTo(2, 9);
    expect(rows('read marks')).toBeCloseTo(4, 9);
    const calls = (feature: Feature) => features[feature].object_requests / 20;
    expect(calls('messages: inboxes and relays told')).toBeCloseTo(2, 9);
    expect(calls('delivery confirmed')).toBeCloseTo(2, 9);
    expect(calls('read marks')).toBeCloseTo(1, 9);
    expect(calls('typing')).toBeCloseTo(2, 9);
  });

  it('scales a huge conversation by those online and by relays, and its room by neither', () => {
    const told = unit({
      room: { rows_written: 3, calls: 121, notices: 120 },
      inbox: { rows_written: 40 },
      relay: { messages: 1 },
    });
    const huge = chat({ members: 6000, online: 120, in_room: 20, real: 20, isolated: told, conversation: told });
    const channel: Community = {
      ...village,
      users: 100_000,
      chats: [{ kind: 'huge', chats: 1, messages: 1, isolated: 1, typing: 0, scale: { online: 1200, inRoom: 2500 } }],
    };
    const features = usageOfCommunity(channel, measurements({ huge }), ASSUMED);
    expect(features['messages: stored and acknowledged'].object_rows_written / 20).toBeCloseTo(3, 9);
    // Two rows for each of 1,200 inboxes, a call to each, one call to each of three relays.
    expect(features['messages: inboxes and relays told'].object_rows_written / 20).toBeCloseTo(2400, 6);
    expect(features['messages: inboxes and relays told'].object_requests / 20).toBeCloseTo(1203 + 3 / 20, 6);
    expect(features['data at rest'].object_stored_gb).toBeGreaterThan((100_000 * ASSUMED.member_bytes) / 1e9);
  });

  it('pays for openings, peers and sign-ins by the number of its daily users', () => {
    const operations = {
      open_app: unit({ worker: { requests: 1, calls: 1 } }),
      open_app_per_peer: unit({ inbox: { calls: 1 } }),
      sign_in: unit({ worker: { requests: 1, d1_rows_written: 7 } }),
    };
    const features = usageOfCommunity(
      { ...village, peers: 5, perDay: { ...village.perDay, hours: 0, signIns: 0.5 } },
      measurements({}, operations),
      ASSUMED,
    );
    expect(features['apps opened and closed'].worker_requests).toBe(10 * 20 * 2);
    expect(features.presence.object_requests).toBe(10 * 20 * 2 * 5);
    expect(features['accounts and sign-in'].d1_rows_written).toBe(10 * 20 * 0.5 * 7);
    expect(features['accounts and sign-in'].worker_cpu_ms).toBe(
      100 * (ASSUMED.request_cpu_ms + ASSUMED.password_cpu_ms),
    );
  });
});

describe('units', () => {
  it('beyond another are never negative, and a mean lies between', () => {
    const [more, less] = [unit({ room: { calls: 5, messages: 1 } }), unit({ room: { calls: 2, messages: 3 } })];
    expect(beyond(more, less, 0.5).room).toMatchObject({ calls: 1.5, messages: 0 });
    expect(mix(more, less, 0.25).room).toMatchObject({ calls: 2.75, messages: 2.5 });
  });

  it('are what the saved file is checked for', () => {
    const saved: unknown = JSON.parse(JSON.stringify(measurements()));
    expect(Measurements.safeParse(saved).success).toBe(true);
    const { dm: _, ...chats } = measurements().chats;
    expect(Measurements.safeParse({ ...measurements(), chats }).success).toBe(false);
  });
});
