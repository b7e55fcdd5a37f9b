import { describe, expect, it } from 'vitest';
import { createClient, MemoryStorage } from '../../src/index.ts';
import { group, person, proxy, texts, until } from '../support/people.ts';

describe('what a device has stored', () => {
  it('opens a conversation without a network, and joins on to what came meanwhile', async () => {
    const storage = new MemoryStorage();
    const line = await proxy();
    const [ada, bob] = await Promise.all([person('Ada', { url: line.url, storage }), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).open();
    for (let i = 1; i <= 5; i++) await bob.client.chat(id).send(`before ${i}`).sent;
    await until(() => ada.heard.length === 5);
    ada.client.people.want([bob.user.id]);
    await until(() => ada.client.people.get(bob.user.id)?.fullname === 'Bob');
    await ada.client.close();
    line.down = true;
    line.cut();
    await bob.client.chat(id).send('while away').sent;

    const again = await createClient({ url: line.url, storage });
    try {
      const chat = again.chat(id);
      await chat.restore();
      expect(texts(chat.timeline)).toEqual(['before 1', 'before 2', 'before 3', 'before 4', 'before 5']);
      expect(again.people.get(bob.user.id)?.fullname).toBe('Bob');
      chat.send('written offline');
      expect(texts(chat.timeline).at(-1)).toBe('written offline');

      line.down = false;
      await again.connect();
      await chat.open();
      await until(() => chat.timeline.length === 7 && again.outbox.length === 0);
      expect(texts(chat.timeline)).toEqual([
        ...['before 1', 'before 2', 'before 3', 'before 4', 'before 5'],
        'while away',
        'written offline',
      ]);
      expect(chat.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    } finally {
      again.disconnect();
    }
  });

  it('forgets the messages of a conversation that the user was removed from, and everything at a sign-out', async () => {
    const storage = new MemoryStorage();
    const [ada, bob] = await Promise.all([person('Ada', { storage }), person('Bob')]);
    const stored = async () => Object.keys(await storage.read('log/'));
    const first = await group(bob, ada);
    const second = await group(bob, ada);
    for (const id of [first, second]) {
      await bob.client.chat(id).send('secret').sent;
      await ada.client.chat(id).open();
    }
    await until(() => ada.client.chat(second).timeline.length === 1);
    ada.client.people.want([bob.user.id]);
    await until(() => ada.client.people.all.length === 1);
    await expect.poll(stored, { timeout: 10_000 }).toHaveLength(2);
    await bob.client.chat(first).removeMember(ada.user.id);
    await expect.poll(stored, { timeout: 10_000 }).toHaveLength(1);
    await ada.client.signOut();
    expect(await stored()).toEqual([]);
    expect(await storage.read('people/')).toEqual({});
    expect(ada.client.people.all).toEqual([]);
  });

  it('does not keep the room open when it is closed while it opens', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const chat = ada.client.chat(await group(ada, bob));
    const opening = chat.open();
    chat.close();
    await expect(opening).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a window into the history', () => {
  it('begins around a message, and grows both ways until it has everything', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const all: string[] = [];
    for (let i = 1; i <= 60; i++) all.push(String(i));
    await Promise.all(all.map((text) => bob.client.chat(id).send(text).sent));
    const { items } = await ada.client.chats.messages(id, { limit: 500 });
    const middle = items[30];
    if (middle === undefined) throw new Error('no message');
    const window = await ada.client.chat(id).around(middle.seq, { page: 10 });
    expect(window.items.map(({ seq }) => seq)).toEqual(items.slice(25, 35).map(({ seq }) => seq));
    expect([window.hasOlder, window.hasNewer]).toEqual([true, true]);
    expect(await window.loadOlder(20)).toBe(20);
    expect(await window.loadNewer(20)).toBe(20);
    while ((await window.loadOlder(20)) > 0);
    while ((await window.loadNewer(20)) > 0);
    expect(window.items).toEqual(items);
    expect([window.hasOlder, window.hasNewer]).toEqual([false, false]);
    const at = new Date().toISOString();
    window.follow(
      [{ type: 'reaction.added', seq: 99, target: middle.seq, emoji: '👍', actor_id: bob.user.id, created_at: at }],
      ada.user.id,
    );
    expect(window.items[30]).toEqual({ ...middle, reactions: [{ emoji: '👍', count: 1 }] });
  });
});
