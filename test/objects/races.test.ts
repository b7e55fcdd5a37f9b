import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/conversation/commands.ts';
import { newId } from '../../src/ids.ts';
import { type ChatEvent, EventPage } from '../../src/protocol/events.ts';
import { codeOf, createChat, identity, newUser, newUsers, roomOf, roomSocket, value } from '../support/objects.ts';

/* People come and go while a thousand messages are under way: what the log says is what happened. */

const SENDS = 1000;

async function logOf(chat: string, reader: string): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for (let more = true; more; ) {
    const page = { after: events.length, limit: 500 };
    const { items, has_more } = EventPage.parse(JSON.parse(value(await roomOf(chat).events(reader, page))));
    events.push(...items);
    more = has_more;
  }
  return events;
}

/** Fails unless nobody speaks in this log who is not in it at that seq. Returns the messages of each sender. */
function audit(events: ChatEvent[]): Map<string, number> {
  const inside = new Set<string>();
  const sent = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    expect(event.seq).toBe(index + 1);
    if (event.type === 'chat.created') for (const { user_id } of event.members) inside.add(user_id);
    if (event.type === 'member.joined') {
      for (const user of event.user_ids) {
        expect(inside.has(user)).toBe(false);
        inside.add(user);
      }
    }
    if (event.type === 'member.left') expect(inside.delete(event.user_id)).toBe(true);
    if (event.type !== 'message') continue;
    expect(inside.has(event.actor_id)).toBe(true);
    sent.set(event.actor_id, (sent.get(event.actor_id) ?? 0) + 1);
  }
  return sent;
}

/** A thousand sends of one user, begun at once; how many were stored, once all are answered. */
function storm(chat: string, user: string): Promise<number> {
  const sends = Array.from({ length: SENDS }, (_, i) =>
    roomOf(chat).send(user, { client_id: `${i}`, kind: 'text', content: 'x' }),
  );
  return Promise.all(sends).then((answers) => answers.filter(({ ok }) => ok).length);
}

describe('against a thousand sends', { timeout: 60_000 }, () => {
  const [ada, bob] = [newUser(), newUser()];
  const manage = (chat: string, user: string, command: Command) => roomOf(chat).manage(user, command);
  const ends: [string, (chat: string) => Promise<unknown>][] = [
    ['a removal', (chat) => roomOf(chat).removeMember(ada, bob)],
    ['a ban', (chat) => manage(chat, ada, { do: 'ban', user_id: bob, reason: null })],
    ['leaving', (chat) => roomOf(chat).removeMember(bob, bob)],
    ['an expulsion', (chat) => roomOf(chat).expel(bob)],
  ];

  it.each(ends)('%s: what was answered is in the log, and nothing comes after the end', async (_name, end) => {
    const chat = await createChat([ada, bob]);
    const half = storm(chat, bob);
    await end(chat);
    // Once it has answered nothing of theirs is stored any more, whatever is still on its way.
    const head = (await logOf(chat, ada)).length;
    expect(codeOf(await roomOf(chat).send(bob, { client_id: 'late', kind: 'text', content: 'x' }))).toBe('not_found');
    const stored = await half;
    const events = await logOf(chat, ada);
    expect(events).toHaveLength(head);
    expect(audit(events).get(bob) ?? 0).toBe(stored);
  });

  it('coming and going of the sender, again and again', async () => {
    const chat = await createChat([ada]);
    const sending = storm(chat, bob);
    for (let i = 0; i < 20; i++) {
      await roomOf(chat).addMembers(ada, [bob]);
      await roomOf(chat).removeMember(i % 2 === 0 ? ada : bob, bob);
    }
    const stored = await sending;
    expect(audit(await logOf(chat, ada)).get(bob) ?? 0).toBe(stored);
  });

  it('a ban closes the sockets of the banned before anything else is heard', async () => {
    const chat = await createChat([ada, bob]);
    const socket = await roomSocket(chat, identity(bob));
    await socket.next('events');
    const sending = storm(chat, ada);
    value(await manage(chat, ada, { do: 'ban', user_id: bob, reason: null }));
    expect(await socket.closed).toEqual({ code: 4403, reason: 'forbidden' });
    await sending;
    const events = await logOf(chat, ada);
    const banned = events.find((event) => event.type === 'member.banned')?.seq ?? 0;
    const heard = socket.pending.flatMap((frame) => (frame.t === 'events' ? frame.events : []));
    expect(heard.filter(({ seq }) => seq >= banned)).toEqual([]);
  });
});

describe('an invitation', { timeout: 60_000 }, () => {
  it('redeemed by two hundred at once lets in as many as it is for, whichever way they came', async () => {
    const ada = newUser();
    const chat = await createChat([ada], { type: 'PublicChannel' });
    const draft = { id: newId('inv'), digest: 'd', role: 'moderator' as const, expires_at: null, max_uses: 50 };
    value(await roomOf(chat).manage(ada, { do: 'create_invitation', draft }));
    const comers = newUsers(200);
    const answers = await Promise.all(
      comers.flatMap((user, i) => [
        // Every one twice; every tenth also joins by the door, and uses nothing then or is in by the link already.
        roomOf(chat).manage(user, { do: 'redeem', digest: 'd' }),
        ...(i % 10 === 0 ? [roomOf(chat).addMembers(user, [user])] : []),
        roomOf(chat).manage(user, { do: 'redeem', digest: 'd' }),
      ]),
    );
    expect(answers.every((answer) => ['ok', 'not_found'].includes(codeOf(answer)))).toBe(true);
    const events = await logOf(chat, ada);
    audit(events);
    const byLink = events.filter((event) => event.type === 'member.joined' && event.invitation_id === draft.id);
    expect(byLink).toHaveLength(50);
    const { items } = JSON.parse(value(await roomOf(chat).manage(ada, { do: 'list_invitations' })));
    expect(items).toMatchObject([{ uses: 50, valid: false }]);
  });
});

it('two owners who hand over to each other’s heirs at once: one event after the other, and an owner always', async () => {
  const [ada, bob, cyd, dan] = newUsers(4);
  const chat = await createChat([ada ?? '', bob ?? '', cyd ?? '', dan ?? '']);
  const room = roomOf(chat);
  value(await room.manage(ada ?? '', { do: 'set_member', user_id: bob ?? '', patch: { role: 'owner' } }));
  const answers = await Promise.all([
    room.manage(ada ?? '', { do: 'transfer', user_id: cyd ?? '' }),
    room.manage(bob ?? '', { do: 'transfer', user_id: dan ?? '' }),
    room.manage(ada ?? '', { do: 'transfer', user_id: dan ?? '' }),
    room.removeMember(bob ?? '', bob ?? ''),
  ]);
  expect(answers.map(codeOf)).toEqual(['ok', 'ok', 'forbidden', 'ok']);
  const { items } = value(await room.members(ada ?? '', { limit: 10 }));
  expect(Object.fromEntries(items.map((member) => [member.user_id, member.role]))).toEqual({
    [ada ?? '']: 'admin',
    [cyd ?? '']: 'owner',
    [dan ?? '']: 'owner',
  });
});
