import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/conversation/commands.ts';
import { eventJson } from '../../src/conversation/log.ts';
import { newId } from '../../src/ids.ts';
import type { UpdateMember } from '../../src/protocol/chats.ts';
import { ChatEvent } from '../../src/protocol/events.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { codeOf, newUser, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob, cyd, dan] = [newUser(), newUser(), newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom) => T | Promise<T>): Promise<T> =>
  overStorage((storage) => work(new TestRoom(storage)));

const eventsOf = (test: TestRoom, after = 0) =>
  test.conversation.log.after(after, 1000).rows.map((row) => ChatEvent.parse(JSON.parse(eventJson(row))));
const rolesOf = (test: TestRoom) =>
  Object.fromEntries(test.conversation.membership.page('', 500).items.map((member) => [member.user_id, member.role]));
const set = (test: TestRoom, user: string, user_id: string, patch: UpdateMember) =>
  test.manage(user, { do: 'set_member', user_id, patch });
const update = (test: TestRoom, user: string, patch: Parameters<TestRoom['conversation']['membership']['update']>[1]) =>
  test.publish(test.conversation.membership.update(user, patch));
const at = (test: TestRoom, ms: number) => new Date(test.clock.now + ms).toISOString();
const is = (test: TestRoom, user: string) => test.conversation.members.current(user)?.role ?? 'none';

describe('roles', () => {
  it('nobody gives or takes one that is not below their own', async () => {
    await inRoom((test) => {
      test.create([ada, bob, cyd, dan]);
      value(set(test, ada, bob, { role: 'admin' }));
      value(set(test, ada, cyd, { role: 'admin' }));
      expect(codeOf(set(test, bob, cyd, { role: 'member' }))).toBe('forbidden');
      expect(codeOf(set(test, bob, dan, { role: 'admin' }))).toBe('forbidden');
      expect(codeOf(set(test, bob, bob, { role: 'owner' }))).toBe('forbidden');
      expect(codeOf(set(test, bob, ada, { role: 'member' }))).toBe('forbidden');
      expect(codeOf(set(test, bob, dan, { role: 'moderator' }))).toBe('ok');
      expect(rolesOf(test)).toEqual({ [ada]: 'owner', [bob]: 'admin', [cyd]: 'admin', [dan]: 'moderator' });
    });
  });

  it('the last owner stays one; of two each may go', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      expect(codeOf(set(test, ada, ada, { role: 'admin' }))).toBe('conflict');
      value(set(test, ada, bob, { role: 'owner' }));
      value(set(test, bob, ada, { role: 'member' }));
      expect(codeOf(test.conversation.membership.remove(bob, bob))).toBe('conflict');
    });
  });

  it('two owners who hand over at once leave one owner or more, and nobody without a place', async () => {
    await inRoom((test) => {
      test.create([ada, bob, cyd]);
      value(set(test, ada, bob, { role: 'owner' }));
      expect(codeOf(test.manage(ada, { do: 'transfer', user_id: cyd }))).toBe('ok');
      expect(codeOf(test.manage(bob, { do: 'transfer', user_id: ada }))).toBe('ok');
      expect(rolesOf(test)).toEqual({ [ada]: 'owner', [bob]: 'admin', [cyd]: 'owner' });
      expect(codeOf(test.manage(bob, { do: 'transfer', user_id: bob }))).toBe('forbidden');
    });
  });

  it('what a patch names is done together or not at all', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      const head = test.conversation.log.head;
      expect(codeOf(set(test, ada, bob, { role: 'admin', muted_until: at(test, -1) }))).toBe('invalid');
      expect(test.conversation.log.head).toBe(head);
      value(set(test, ada, bob, { role: 'admin', nickname: 'B', muted_until: at(test, 1000) }));
      expect(eventsOf(test, head).map((event) => event.type)).toEqual([
        'member.role',
        'member.renamed',
        'member.muted',
      ]);
      value(set(test, ada, bob, { role: 'admin', nickname: 'B' }));
      expect(test.conversation.log.head).toBe(head + 3);
    });
  });
});

describe('a mute', () => {
  it('holds until its time, over leaving and coming back, and says how long', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      value(set(test, ada, bob, { muted_until: at(test, 60_000) }));
      value(test.conversation.membership.remove(bob, bob));
      value(test.conversation.membership.add(ada, [bob]));
      test.restart();
      const refused = await test.send(bob);
      expect(refused).toMatchObject({ ok: false, refusal: { code: 'muted', retry_after: 60 } });
      test.clock.pass(60_000);
      expect(codeOf(await test.send(bob))).toBe('ok');
    });
  });

  it('is in the row of the muted, and leaves it', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const until = at(test, 60_000);
      value(set(test, ada, bob, { muted_until: until }));
      expect(test.conversation.notice(bob)?.member?.muted_until).toBe(until);
      value(set(test, ada, bob, { muted_until: null }));
      expect(test.conversation.notice(bob)?.member).not.toHaveProperty('muted_until');
    });
  });

  it('does not keep the answer from a resend', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      const seq = await test.sent(bob, 'hello', { client_id: 'once' });
      value(set(test, ada, bob, { muted_until: at(test, 60_000) }));
      expect(value(await test.send(bob, 'hello', { client_id: 'once' }))).toMatchObject({
        row: { seq },
        duplicate: true,
      });
      expect(codeOf(await test.send(bob, 'other', { client_id: 'once' }))).toBe('conflict');
      test.conversation.membership.expel(bob);
      expect(codeOf(await test.send(bob, 'hello', { client_id: 'once' }))).toBe('not_found');
    });
  });
});

describe('slow mode', () => {
  it('asks each member for a pause, knows it after a restart, and spares moderators', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob, cyd]);
      value(await test.send(bob));
      value(update(test, ada, { slow_mode: 30 }));
      expect(await test.send(bob)).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 30 } });
      expect(codeOf(await test.send(cyd))).toBe('ok');
      test.clock.pass(20_000);
      test.restart();
      expect(await test.send(bob)).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 10 } });
      expect(codeOf(await test.send(ada))).toBe('ok');
      expect(codeOf(await test.send(ada))).toBe('ok');
      test.clock.pass(10_000);
      expect(codeOf(await test.send(bob))).toBe('ok');
      expect(codeOf(await test.send(bob))).toBe('rate_limited');
      // A longer pause reaches further back.
      value(update(test, ada, { slow_mode: 60 }));
      expect(await test.send(cyd)).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 30 } });
      // Where the clock is set back nobody waits for an hour.
      test.clock.now -= 3_600_000;
      expect(codeOf(await test.send(bob))).toBe('ok');
      expect(await test.send(bob)).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 60 } });
    });
  });

  it('counts what was stored, and answers a resend', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      value(update(test, ada, { slow_mode: 30 }));
      const first = await test.sent(bob, 'a', { client_id: 'a' });
      expect(value(await test.send(bob, 'a', { client_id: 'a' })).row.seq).toBe(first);
      expect(codeOf(await test.send(bob, '', { client_id: 'b' }))).not.toBe('ok');
      const both = await Promise.all([test.send(ada, 'x'), test.send(bob, 'y')]);
      expect(both.map(codeOf)).toEqual(['ok', 'rate_limited']);
    });
  });
});

describe('settings', () => {
  it('are one event with what has changed, in every member’s row, and outlive a restart', async () => {
    await inRoom((test) => {
      test.create([ada, bob], { type: 'PublicChannel' });
      const patch = {
        topic: 't',
        slow_mode: 5,
        overrides: { send: 'admin' as const },
        join_policy: 'approval' as const,
      };
      value(update(test, ada, patch));
      expect(eventsOf(test, 1)).toMatchObject([{ type: 'chat.updated', ...patch }]);
      value(update(test, ada, { ...patch, name: 'a group' }));
      expect(test.conversation.log.head).toBe(2);
      test.restart();
      expect(test.conversation.describe()).toMatchObject({ topic: 't', slow_mode: 5, overrides: { send: 'admin' } });
      expect(test.conversation.detail(bob)).toMatchObject({ join_policy: 'approval', permissions: { send: 'admin' } });
      value(update(test, ada, { topic: null, slow_mode: 0, overrides: { send: null } }));
      const chat = test.conversation.describe();
      for (const name of ['topic', 'slow_mode', 'overrides', 'avatar', 'silenced', 'archived_at']) {
        expect(chat).not.toHaveProperty(name);
      }
    });
  });

  it('nobody decides over a role above their own, nor beyond the bounds', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      value(set(test, ada, bob, { role: 'admin' }));
      expect(codeOf(update(test, bob, { overrides: { send: 'owner' } }))).toBe('forbidden');
      value(update(test, ada, { overrides: { send: 'owner' } }));
      expect(codeOf(update(test, bob, { overrides: { send: null } }))).toBe('forbidden');
      expect(codeOf(update(test, bob, { overrides: { pin: 'admin' } }))).toBe('ok');
      expect(codeOf(update(test, ada, { overrides: { remove: 'member' } }))).toBe('invalid');
      expect(test.conversation.describe().overrides).toEqual({ send: 'owner', pin: 'admin' });
    });
  });

  it('an archived conversation is brought back and goes on', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      value(update(test, ada, { archived: true }));
      expect(codeOf(await test.send(ada))).toBe('archived');
      expect(codeOf(update(test, ada, { archived: false, name: 'new' }))).toBe('archived');
      expect(test.conversation.describe().archived_at).toBeDefined();
      value(update(test, ada, { archived: false }));
      expect(codeOf(await test.send(bob))).toBe('ok');
    });
  });

  it('only a public channel is open, or takes requests', async () => {
    await inRoom((test) => {
      test.create([ada]);
      for (const join_policy of ['open', 'approval'] as const) {
        expect(codeOf(update(test, ada, { join_policy }))).toBe('invalid');
      }
    });
  });
});

describe('a ban', () => {
  it('removes, and keeps out by every way until it is lifted', async () => {
    await inRoom((test) => {
      test.create([ada, bob], { type: 'PublicChannel' });
      const draft = { id: newId('inv'), digest: 'd', role: 'member' as const, expires_at: null, max_uses: null };
      value(test.manage(ada, { do: 'create_invitation', draft }));
      value(test.manage(ada, { do: 'ban', user_id: bob, reason: 'spam' }));
      expect(eventsOf(test, 2).map((event) => event.type)).toEqual(['member.banned', 'member.left']);
      const ways = () => [
        codeOf(test.conversation.membership.add(bob, [bob])),
        codeOf(test.conversation.membership.add(ada, [bob])),
        codeOf(test.manage(bob, { do: 'redeem', digest: 'd' })),
        codeOf(test.manage(bob, { do: 'preview' })),
      ];
      expect(ways()).toEqual(['forbidden', 'forbidden', 'not_found', 'forbidden']);
      value(update(test, ada, { join_policy: 'approval' }));
      expect(codeOf(test.manage(bob, { do: 'make_request', text: null }))).toBe('forbidden');
      expect(is(test, bob)).toBe('none');
      value(test.manage(ada, { do: 'unban', user_id: bob }));
      expect(codeOf(test.manage(bob, { do: 'redeem', digest: 'd' }))).toBe('ok');
    });
  });

  it('is listed in pages, and made once', async () => {
    await inRoom((test) => {
      const others = newUsers(5).sort();
      test.create([ada, ...others]);
      for (const user_id of [...others, ...others]) value(test.manage(ada, { do: 'ban', user_id, reason: null }));
      expect(eventsOf(test).filter((event) => event.type === 'member.banned')).toHaveLength(5);
      const first = value(test.manage(ada, { do: 'list_bans', page: { limit: 3 } }));
      expect(first).toMatchObject({
        items: others.slice(0, 3).map((user_id) => ({ user_id })),
        next_cursor: others[2],
      });
      const rest = value(test.manage(ada, { do: 'list_bans', page: { limit: 3, after: others[2] ?? '' } }));
      expect(rest).toMatchObject({ items: others.slice(3).map((user_id) => ({ user_id })), next_cursor: null });
    });
  });
});

describe('requests to join', () => {
  const ask = (test: TestRoom, user: string, text: string | null = null) =>
    test.manage(user, { do: 'make_request', text });
  const decide = (test: TestRoom, user: string, user_id: string, accept: boolean) =>
    test.manage(user, { do: 'decide_request', user_id, accept });
  const channel = (test: TestRoom) => test.create([ada, bob], { type: 'PublicChannel', join_policy: 'approval' });

  it('let in who is accepted; the first decision holds, and says who made it', async () => {
    await inRoom((test) => {
      channel(test);
      value(ask(test, cyd, 'please'));
      value(ask(test, cyd, 'again'));
      expect(eventsOf(test, 1).map((event) => event.type)).toEqual(['request.made']);
      expect(value(test.manage(ada, { do: 'list_requests', page: { limit: 10 } }))).toMatchObject({
        items: [{ user_id: cyd, text: 'please', state: 'open' }],
      });
      expect(codeOf(decide(test, bob, cyd, true))).toBe('forbidden');
      value(decide(test, ada, cyd, true));
      expect([is(test, cyd), codeOf(decide(test, ada, cyd, false)), codeOf(decide(test, ada, cyd, true))]).toEqual([
        'member',
        'conflict',
        'ok',
      ]);
      expect(value(test.manage(cyd, { do: 'get_request', user_id: cyd }))).toMatchObject({
        state: 'accepted',
        decided_by: ada,
      });
      expect(JSON.stringify(eventsOf(test))).not.toContain('please');
    });
  });

  it('are asked again a day after a refusal, and a minute after one was taken back', async () => {
    await inRoom((test) => {
      channel(test);
      value(ask(test, cyd));
      value(decide(test, ada, cyd, false));
      expect(ask(test, cyd)).toMatchObject({ refusal: { code: 'rate_limited', retry_after: 24 * 60 * 60 } });
      test.clock.pass(24 * 60 * 60 * 1000);
      value(ask(test, cyd));
      expect(codeOf(test.manage(dan, { do: 'cancel_request', user_id: cyd }))).toBe('not_found');
      value(test.manage(cyd, { do: 'cancel_request', user_id: cyd }));
      expect(codeOf(ask(test, cyd))).toBe('rate_limited');
      test.clock.pass(60_000);
      value(ask(test, cyd));
    });
  });

  it('are over when somebody is let in another way, or is banned', async () => {
    await inRoom((test) => {
      channel(test);
      for (const user of [cyd, dan]) value(ask(test, user));
      value(test.conversation.membership.add(bob, [cyd]));
      value(test.manage(ada, { do: 'ban', user_id: dan, reason: null }));
      const state = (user: string) => value(test.manage(ada, { do: 'get_request', user_id: user }));
      expect([state(cyd), state(dan)]).toMatchObject([{ state: 'accepted' }, { state: 'rejected' }]);
      expect(codeOf(decide(test, ada, dan, true))).toBe('conflict');
    });
  });

  it('are so many and no more', async () => {
    await inRoom((test) => {
      channel(test);
      for (const user of newUsers(LIMITS.openRequests)) value(ask(test, user));
      expect(codeOf(ask(test, newUser()))).toBe('rate_limited');
    });
  });

  it('go to no other conversation', async () => {
    await inRoom((test) => {
      test.create([ada]);
      expect(codeOf(ask(test, cyd))).toBe('not_found');
    });
    await inRoom((test) => {
      test.create([ada], { type: 'PublicChannel' });
      expect(codeOf(ask(test, cyd))).toBe('forbidden');
    });
  });
});

describe('invitations', () => {
  const make = (
    test: TestRoom,
    user: string,
    fields: Partial<Extract<Command, { do: 'create_invitation' }>['draft']>,
  ) => {
    const draft = { id: newId('inv'), digest: newId('inv'), role: 'member' as const, expires_at: null, max_uses: null };
    const result = test.manage(user, { do: 'create_invitation', draft: { ...draft, ...fields } });
    return { ...draft, ...fields, code: codeOf(result) };
  };
  const redeem = (test: TestRoom, user: string, digest: string) => codeOf(test.manage(user, { do: 'redeem', digest }));
  const uses = (test: TestRoom) => value(test.manage(ada, { do: 'list_invitations' }));

  it('let in so many and no more; who is in uses nothing', async () => {
    await inRoom((test) => {
      test.create([ada, bob]);
      const { digest, id } = make(test, ada, { max_uses: 3 });
      expect(redeem(test, bob, digest)).toBe('ok');
      const comers = newUsers(10);
      expect(comers.map((user) => redeem(test, user, digest)).filter((code) => code === 'ok')).toHaveLength(3);
      for (const user of comers.slice(0, 3)) expect(redeem(test, user, digest)).toBe('ok');
      expect(uses(test)).toMatchObject({ items: [{ id, uses: 3, valid: false }] });
      expect(eventsOf(test).filter((event) => event.type === 'member.joined')).toMatchObject(
        comers.slice(0, 3).map((user) => ({ actor_id: user, user_ids: [user], invitation_id: id })),
      );
    });
  });

  it('end at their time, when they are revoked, and with the conversation’s policy', async () => {
    await inRoom((test) => {
      test.create([ada]);
      const { digest } = make(test, ada, { expires_at: at(test, 1000) });
      const lasting = make(test, ada, {});
      test.clock.pass(1000);
      expect(redeem(test, bob, digest)).toBe('not_found');
      value(update(test, ada, { join_policy: 'closed' }));
      expect(redeem(test, bob, lasting.digest)).toBe('not_found');
      value(update(test, ada, { join_policy: 'invitation' }));
      value(test.manage(ada, { do: 'revoke_invitation', id: lasting.id }));
      expect(redeem(test, bob, lasting.digest)).toBe('not_found');
      expect(codeOf(test.manage(bob, { do: 'preview_invitation', digest: lasting.digest }))).toBe('not_found');
    });
  });

  it('are as good as who made them', async () => {
    await inRoom((test) => {
      test.create([ada, bob, cyd]);
      value(set(test, ada, bob, { role: 'admin' }));
      expect(make(test, bob, { role: 'admin' }).code).toBe('forbidden');
      const { digest } = make(test, bob, { role: 'moderator' });
      expect(redeem(test, dan, digest)).toBe('ok');
      expect(is(test, dan)).toBe('moderator');
      value(set(test, ada, bob, { role: 'moderator' }));
      expect(redeem(test, newUser(), digest)).toBe('not_found');
      value(set(test, ada, bob, { role: 'admin' }));
      expect(redeem(test, newUser(), digest)).toBe('ok');
      value(test.conversation.membership.remove(ada, bob));
      expect(redeem(test, newUser(), digest)).toBe('not_found');
    });
  });

  it('stand so many at once; those that are over make room', async () => {
    await inRoom((test) => {
      test.create([ada]);
      for (let i = 0; i < LIMITS.invitations; i++) make(test, ada, { expires_at: at(test, 1000) });
      expect(make(test, ada, {}).code).toBe('conflict');
      test.clock.pass(1000);
      expect(make(test, ada, {}).code).toBe('ok');
      expect(uses(test)).toMatchObject({ items: [{ valid: true }] });
    });
  });

  it('the same draft again is the same invitation', async () => {
    await inRoom((test) => {
      test.create([ada]);
      const one = make(test, ada, {});
      const head = test.conversation.log.head;
      expect(make(test, ada, { id: one.id, digest: one.digest }).code).toBe('ok');
      expect(test.conversation.log.head).toBe(head);
    });
  });
});

describe('an announcement', () => {
  it('is read once by each, and anew when it is another', async () => {
    await inRoom((test) => {
      test.create([ada, bob, cyd]);
      const read = (user: string) => codeOf(test.manage(user, { do: 'read_announcement' }));
      expect(read(bob)).toBe('not_found');
      value(test.manage(ada, { do: 'announce', text: 'one' }));
      expect([read(bob), read(bob), read(cyd), read(dan)]).toEqual(['ok', 'ok', 'ok', 'not_found']);
      expect(value(test.manage(bob, { do: 'get_announcement' }))).toMatchObject({
        text: 'one',
        readers: 2,
        read: true,
      });
      const page = { limit: 1 };
      expect(value(test.manage(ada, { do: 'list_readers', page }))).toMatchObject({
        items: [{ user_id: [bob, cyd].sort()[0] }],
        next_cursor: expect.any(String),
      });
      value(test.manage(ada, { do: 'announce', text: 'two' }));
      expect(value(test.manage(bob, { do: 'get_announcement' }))).toMatchObject({ readers: 0, read: false });
      value(test.manage(ada, { do: 'announce', text: null }));
      expect(codeOf(test.manage(bob, { do: 'get_announcement' }))).toBe('not_found');
    });
  });
});

it('a group of 5,000 is filled in batches, listed in pages, and searched', async () => {
  await inRoom((test) => {
    test.create([ada]);
    const others = newUsers(4999);
    const { membership } = test.conversation;
    for (let i = 0; i < others.length; i += 500) value(membership.add(ada, others.slice(i, i + 500)));
    expect(test.conversation.describe()).toMatchObject({ member_count: 5000, fanout: 'large' });
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page = membership.page(after, 500);
      seen.push(...page.items.map((member) => member.user_id));
      after = page.next_cursor;
    }
    expect(seen).toEqual([ada, ...others].sort());
    const [named = '', other = ''] = others;
    value(set(test, ada, named, { nickname: 'Zed_100%' }));
    const find = (nickname: string, user_ids: string[] = []) =>
      value(test.manage(ada, { do: 'find_members', nickname, user_ids, limit: 10 }));
    expect(find('zed_1')).toMatchObject({ items: [{ user_id: named }] });
    expect(find('%', [other, newUser()])).toMatchObject({ items: [{ user_id: other }] });
    expect(value(test.manage(ada, { do: 'member_ids' }))).toHaveLength(5000);
    value(membership.add(ada, [newUser()]));
    expect(value(test.manage(ada, { do: 'member_ids' }))).toBeNull();
  });
});

describe('a preview', () => {
  it('shows the newest messages of an open channel, and none of what newcomers do not see', async () => {
    for (const history of ['all', 'joined'] as const) {
      await inRoom(async (test) => {
        test.create([ada], { type: 'PublicChannel', history });
        for (let i = 0; i < LIMITS.previewMessages + 5; i++) await test.sent(ada, `${i}`);
        const shown = value(test.manage(bob, { do: 'preview' }));
        expect(shown).toMatchObject({ chat: { me: null, join_policy: 'open' } });
        const { messages } = shown as { messages: unknown[] };
        expect(messages).toHaveLength(history === 'all' ? LIMITS.previewMessages : 0);
        value(update(test, ada, { join_policy: 'invitation' }));
        expect(codeOf(test.manage(bob, { do: 'preview' }))).toBe('forbidden');
      });
    }
  });
});

describe('the directory', () => {
  const channel = (test: TestRoom) => test.create([ada], { type: 'PublicChannel', name: 'Weather' });

  it('learns of a channel, of what it is called, and of how many are in it', async () => {
    await inRoom(async (test) => {
      channel(test);
      await test.inboxes.settled();
      expect(test.inboxes.listed).toMatchObject([{ listed: true, name: 'Weather', member_count: 1, profile: true }]);
      for (const user of newUsers(20)) test.publish(test.conversation.membership.add(user, [user]));
      await test.inboxes.settled();
      expect(test.inboxes.listed).toHaveLength(1);
      await test.ringUntilQuiet();
      expect(test.inboxes.listed.slice(1)).toMatchObject([{ member_count: 21, profile: false }]);
      value(update(test, ada, { topic: 'Wind' }));
      await test.inboxes.settled();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ topic: 'Wind', profile: true });
      value(update(test, ada, { archived: true }));
      await test.inboxes.settled();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ listed: false });
      await test.ringUntilQuiet();
      expect(test.rows('listing')).toBe(0);
    });
  });

  it('is not left for an hour where the clock was an hour ahead when somebody came', async () => {
    await inRoom(async (test) => {
      channel(test);
      await test.ringUntilQuiet();
      const [user = ''] = newUsers(1);
      test.publish(test.conversation.membership.add(user, [user]));
      test.clock.now -= 3_600_000;
      test.inboxes.alarmAt = test.clock.now;
      test.ring();
      await test.inboxes.settled();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ member_count: 2 });
      expect(test.rows('listing')).toBe(0);
    });
  });

  it('is told nothing of messages, nor of what is not public', async () => {
    await inRoom(async (test) => {
      test.create([ada, bob]);
      value(test.conversation.membership.update(ada, { topic: 'secret' }));
      await test.ringUntilQuiet();
      expect(test.inboxes.listed).toEqual([]);
    });
  });

  it.each([1, 3])('hears of it after %i failures, whatever the room has forgotten meanwhile', async (failures) => {
    await inRoom(async (test) => {
      let failed = 0;
      test.inboxes.beforeListing = () => {
        failed += 1;
        if (failed <= failures) throw new Error('D1 is away');
      };
      channel(test);
      await test.inboxes.settled();
      for (const user of newUsers(3)) test.publish(test.conversation.membership.add(user, [user]));
      test.restart();
      await test.ringUntilQuiet();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ name: 'Weather', member_count: 4, profile: true });
      expect(test.rows('listing')).toBe(0);
    });
  });

  it('hears of a change that comes while it is being told', async () => {
    await inRoom(async (test) => {
      test.inboxes.beforeListing = () => {
        test.inboxes.beforeListing = () => undefined;
        value(update(test, ada, { topic: 'later' }));
      };
      channel(test);
      await test.inboxes.settled();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ topic: 'later' });
    });
  });

  it('loses a deleted channel', async () => {
    await inRoom(async (test) => {
      channel(test);
      test.publish(test.conversation.membership.destroy(ada));
      await test.ringUntilQuiet();
      expect(test.inboxes.listed.at(-1)).toMatchObject({ listed: false });
    });
  });
});
