import { describe, expect, it } from 'vitest';
import { device, group, PASSWORD, pause, person, secondDevice, texts, until, watch } from '../support/people.ts';

describe('the list', () => {
  it('follows what happens to conversations, on every device', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const tablet = await secondDevice(ada);
    const chat = await ada.client.chats.create({ type: 'Group', name: 'Before', members: [bob.user.id] });
    await until(() => tablet.client.chats.rows.length === 1 && bob.client.chats.rows.length === 1);
    await chat.update({ name: 'After' });
    await until(
      () => tablet.client.chats.row(chat.id)?.name === 'After' && bob.client.chats.row(chat.id)?.name === 'After',
    );
    await chat.prefer({ muted: true, pinned: true });
    await until(() => tablet.client.chats.row(chat.id)?.muted === true);
    expect(bob.client.chats.row(chat.id)).toMatchObject({ muted: false, pinned: false });
    await chat.delete();
    await until(() => [ada, tablet, bob].every(({ client }) => client.chats.rows.length === 0));
    await expect(ada.client.chats.get(chat.id)).rejects.toMatchObject({ code: 'not_found', status: 404 });
  });

  it('pinned conversations come first, then the latest activity', async () => {
    const ada = await person('Ada');
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      ids.push((await ada.client.chats.create({ type: 'Group', name })).id);
      await pause(5);
    }
    const [one = '', two = '', three = ''] = ids;
    await until(() => ada.client.chats.rows.length === 3);
    await ada.client.chat(one).send('newest').sent;
    await until(() => ada.client.chats.rows[0]?.id === one);
    await ada.client.chats.prefer(two, { pinned: true });
    await until(() => ada.client.chats.rows[0]?.id === two);
    expect(ada.client.chats.rows.map((row) => row.id)).toEqual([two, one, three]);
    const { items } = await ada.client.chats.list({ limit: 2 });
    expect(items.map((row) => row.id)).toEqual([one, three]);
  });

  it('is brought up to date in one go after an absence, and equals a fresh one', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const ids = await Promise.all(Array.from({ length: 12 }, () => group(ada, bob)));
    bob.client.disconnect();
    for (const [i, id] of ids.entries()) {
      if (i % 2 === 0) for (let n = 0; n <= i; n++) await ada.client.chat(id).send(`${i}.${n}`).sent;
    }
    await ada.client.chats.removeMember(ids[1] ?? '', bob.user.id);
    await ada.client.chats.delete(ids[3] ?? '');
    const gone: string[] = [];
    bob.client.on('chats', (event) => gone.push(...event.gone.map(({ chat_id, reason }) => `${chat_id} ${reason}`)));
    await bob.client.connect();
    await until(() => bob.heard.length === 36 && gone.length === 2);
    expect(gone.sort()).toEqual([`${ids[1]} removed`, `${ids[3]} deleted`].sort());
    for (const [i, id] of ids.entries()) {
      const own = bob.heard.filter((message) => message.chat_id === id);
      expect(texts(own)).toEqual(i % 2 === 0 ? Array.from({ length: i + 1 }, (_, n) => `${i}.${n}`) : []);
    }
    const fresh = await secondDevice(bob);
    await until(() => fresh.client.chats.rows.length === 10);
    await until(() => JSON.stringify(fresh.client.chats.rows) === JSON.stringify(bob.client.chats.rows));
  });

  it('can be synced without a connection', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    bob.client.disconnect();
    const id = await ada.client.chats.create({ type: 'Single', members: [bob.user.id] }).then((chat) => chat.id);
    await ada.client.chat(id).send('for later').sent;
    await bob.client.sync();
    expect(bob.client.chats.rows.map((row) => [row.id, row.unread])).toEqual([[id, 1]]);
    expect(bob.client.chats.row(id)?.last_message?.content).toBe('for later');
    const again = await bob.client.chats.create({ type: 'Single', members: [ada.user.id] });
    expect(again.id).toBe(id);
  });
});

describe('a conversation', () => {
  it('opens with its newest page, and loads older ones', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    await Promise.all(Array.from({ length: 130 }, (_, i) => ada.client.chat(id).send(`${i}`).sent));
    const reader = await device();
    await reader.signIn({ email: bob.user.email, password: PASSWORD });
    await reader.connect();
    const chat = reader.chat(id);
    await chat.open();
    expect(texts(chat.timeline)).toEqual(Array.from({ length: 50 }, (_, i) => `${i + 80}`));
    expect(chat.hasOlder).toBe(true);
    expect(await chat.loadOlder(60)).toBe(60);
    expect(await chat.loadOlder(60)).toBe(21);
    expect(chat.hasOlder).toBe(false);
    expect(await chat.loadOlder()).toBe(0);
    expect(texts(chat.timeline)).toEqual(Array.from({ length: 130 }, (_, i) => `${i}`));
    expect(chat.events.map((event) => event.seq)).toEqual(Array.from({ length: 131 }, (_, i) => i + 1));
    chat.close();
    expect(chat.events.length).toBeLessThanOrEqual(200);
  });

  it('shows a newcomer what its setting lets them see', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const chat = await ada.client.chats.create({ type: 'PublicChannel', name: 'Open', history: 'joined' });
    for (let i = 0; i < 5; i++) await chat.send(`before ${i}`).sent;
    const seen = await bob.client.chats.get(chat.id);
    await seen.join();
    await until(() => bob.client.chats.row(chat.id) !== undefined);
    await chat.send('after').sent;
    await until(() => bob.heard.length === 1);
    await seen.open();
    expect(texts(seen.timeline)).toEqual(['after']);
    expect(seen.hasOlder).toBe(false);
    expect(seen.unread).toBe(1);
    await seen.leave();
    await until(() => bob.client.chats.row(chat.id) === undefined);
    expect(seen.gone).toBe('left');
  });

  it('a removed member hears that they were, and nothing more; back again, they hear what follows', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const chat = bob.client.chat(id);
    await chat.open();
    await ada.client.chat(id).send('one').sent;
    await until(() => bob.heard.length === 1);
    const reasons: string[] = [];
    chat.on('gone', (reason) => reasons.push(reason));
    await ada.client.chats.removeMember(id, bob.user.id);
    await until(() => reasons.length === 1 && bob.client.chats.row(id) === undefined);
    expect(reasons).toEqual(['removed']);
    await ada.client.chat(id).send('behind his back').sent;
    const late = chat.send('let me in');
    await expect(late.sent).rejects.toMatchObject({
      name: 'TidelineError',
      code: expect.stringMatching(/not_found|forbidden/),
    });
    await expect(chat.open()).rejects.toMatchObject({ code: expect.stringMatching(/not_found|forbidden/) });
    expect(texts(bob.heard)).toEqual(['one']);
    await ada.client.chats.addMembers(id, [bob.user.id]);
    await until(() => bob.client.chats.row(id) !== undefined);
    expect(chat.gone).toBeUndefined();
    await ada.client.chat(id).send('welcome back').sent;
    await until(() => bob.heard.at(-1)?.content === 'welcome back');
    expect((await chat.members()).map((member) => member.user_id).sort()).toEqual([ada.user.id, bob.user.id].sort());
  });

  it('one that is not one’s own is refused as if it did not exist', async () => {
    const [ada, eve] = await Promise.all([person('Ada'), person('Eve')]);
    const id = await group(ada);
    const { errors } = watch(eve.client);
    await expect(eve.client.chat(id).open()).rejects.toMatchObject({ code: 'not_found' });
    await expect(eve.client.chat(id).members()).rejects.toMatchObject({ code: 'not_found' });
    await expect(eve.client.chat(id).send('hello?').sent).rejects.toMatchObject({ code: 'not_found' });
    expect(errors).toEqual([]);
  });
});
