import { describe, expect, it } from 'vitest';
import { group, person, secondDevice, until } from '../support/people.ts';

describe('watermarks', () => {
  it('unread falls at once on the device that reads, and on the user’s other device when the server knows', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const tablet = await secondDevice(bob);
    const id = await group(ada, bob);
    for (let i = 0; i < 5; i++) await ada.client.chat(id).send(`message ${i}`).sent;
    const chat = bob.client.chat(id);
    await until(() => chat.unread === 5 && tablet.client.chats.row(id)?.unread === 5);
    expect(ada.client.chats.row(id)?.unread).toBe(0);

    chat.read(4);
    expect(chat.unread).toBe(2);
    expect(bob.client.chats.row(id)?.unread).toBe(2);
    await until(() => tablet.client.chats.row(id)?.unread === 2);
    chat.read();
    await until(() => tablet.client.chats.row(id)?.unread === 0);
    await until(() => ada.client.chat(id).watermarks(bob.user.id)?.read_seq === 6);
    expect(ada.client.chat(id).watermarks(bob.user.id)).toEqual({ read_seq: 6, delivered_seq: 6 });
  });

  it('delivery is confirmed without reading', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const { seq } = await ada.client.chat(id).send('are you there?').sent;
    await until(() => (ada.client.chat(id).watermarks(bob.user.id)?.delivered_seq ?? 0) >= seq);
    expect(ada.client.chat(id).watermarks(bob.user.id)?.read_seq).toBeLessThan(seq);
  });
});

describe('signals', () => {
  it('typing is heard by the other, not by oneself, and not for each key', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    await ada.client.chat(id).send('so that the room knows who listens').sent;
    await until(() => bob.heard.length === 1);
    const heard: string[] = [];
    bob.client.on('typing', ({ chat_id, user_id }) => heard.push(`${chat_id} ${user_id}`));
    ada.client.on('typing', () => heard.push('echo'));
    for (let i = 0; i < 5; i++) ada.client.chat(id).typing();
    await until(() => heard.length > 0);
    expect(heard).toEqual([`${id} ${ada.user.id}`]);
  });

  it('presence of the other person of a Single comes and goes', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    await ada.client.chats.create({ type: 'Single', members: [bob.user.id] });
    await until(() => bob.client.chats.rows.length === 1 && ada.client.chats.rows.length === 1);
    expect(await ada.client.presence(bob.user.id)).toMatchObject({ user_id: bob.user.id, state: 'online' });
    const told = ada.client.once('presence', (presence) => presence.state === 'offline');
    bob.client.disconnect();
    expect(await told).toMatchObject({ user_id: bob.user.id, state: 'offline', last_seen: expect.any(String) });
    const back = ada.client.once('presence', (presence) => presence.state === 'online');
    await bob.client.connect();
    expect(await back).toMatchObject({ user_id: bob.user.id, state: 'online' });
  });
});
