import { describe, expect, it } from 'vitest';
import { group, pause, person, secondDevice, texts, until } from '../support/people.ts';

describe('a message', () => {
  it('is shown at once, settles on the acknowledgement, and reaches the other person and their second device', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const bobsTablet = await secondDevice(bob);
    const id = await group(ada, bob);
    const chat = ada.client.chat(id);

    const message = chat.send('Hello, Bob');
    expect(message).toMatchObject({ status: 'sending', seq: null, content: 'Hello, Bob', sender_id: ada.user.id });
    expect(chat.timeline.at(-1)).toBe(message);
    const receipt = await message.sent;
    expect(receipt).toMatchObject({ seq: 2, duplicate: false });
    expect(message).toMatchObject({ status: 'sent', seq: 2, created_at: receipt.created_at });

    await until(() => bob.heard.length === 1 && bobsTablet.heard.length === 1 && ada.heard.length === 1);
    for (const { heard } of [ada, bob, bobsTablet]) {
      expect(heard[0]).toMatchObject({
        chat_id: id,
        seq: 2,
        ordinal: 1,
        content: 'Hello, Bob',
        sender_id: ada.user.id,
        client_id: message.client_id,
      });
    }
    expect(chat.timeline).toEqual([ada.heard[0]]);
  });

  it('sent in the very turn in which those before are acknowledged goes out as they did', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const chat = ada.client.chat(await group(ada, bob));
    for (let round = 0; round < 20; round++) {
      await Promise.all([1, 2, 3].map((i) => chat.send(`${round}.${i}`).sent));
    }
    await until(() => bob.heard.length === 60);
    expect(ada.client.outbox).toEqual([]);
  });

  it('carries a reply and mentions', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const first = await ada.client.chat(id).send('What is the question?').sent;
    await bob.client.chat(id).send({ content: 'This', reply_to: first.seq, mentions: [ada.user.id] }).sent;
    await until(() => ada.heard.length === 2);
    expect(ada.heard[1]).toMatchObject({ content: 'This', reply_to: first.seq, mentions: [ada.user.id] });
    await until(() => ada.client.chats.row(id)?.mentions === 1);
  });

  it('sent over both connections in turn is shown once and in order', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const chats = [ada.client.chat(id), bob.client.chat(id)];
    const seen: number[] = [];
    chats[1]?.on('events', (events) => seen.push(...events.map((event) => event.seq)));
    const sent: string[] = [];
    for (let round = 0; round < 6; round++) {
      for (const chat of chats) {
        for (let i = 0; i < 10; i++) {
          const text = `${chat === chats[0] ? 'ada' : 'bob'} ${round}.${i}`;
          chat.send(text);
          sent.push(text);
        }
        if (round % 2 === 0) await chat.open();
        else chat.close();
      }
    }
    await until(() => ada.heard.length >= sent.length && bob.heard.length >= sent.length);
    await pause(300);
    for (const who of ['ada', 'bob']) {
      const own = sent.filter((text) => text.startsWith(who));
      expect(texts(ada.heard).filter((text) => text.startsWith(who))).toEqual(own);
      expect(texts(bob.heard).filter((text) => text.startsWith(who))).toEqual(own);
    }
    expect(ada.heard).toHaveLength(sent.length);
    expect(bob.heard.map((message) => message.seq)).toEqual(ada.heard.map((message) => message.seq));
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => (seen[0] ?? 0) + i));
    expect(ada.client.outbox).toEqual([]);
    expect(texts(bob.client.chat(id).timeline)).toEqual(texts(bob.heard));
    expect([...ada.errors, ...bob.errors]).toEqual([]);
  });

  it('that can never be accepted is refused before it is shown', async () => {
    const ada = await person('Ada');
    const id = await group(ada);
    const chat = ada.client.chat(id);
    expect(() => chat.send('\ud800')).toThrowError(expect.objectContaining({ name: 'TidelineError', code: 'invalid' }));
    expect(() => chat.send('x'.repeat(32 * 1024 + 1))).toThrowError(expect.objectContaining({ code: 'too_large' }));
    expect(chat.timeline).toEqual([]);
    expect(ada.client.outbox).toEqual([]);
  });

  it('keeps its text byte for byte', async () => {
    const ada = await person('Ada');
    const id = await group(ada);
    const odd = [' \t\n ', '\u0000\u0007', '\u2028"\\', '😀e\u0301', '\ufeff', 'ß'.repeat(16 * 1024)];
    for (const text of odd) await ada.client.chat(id).send(text).sent;
    await until(() => ada.heard.length === odd.length);
    expect(texts(ada.heard)).toEqual(odd);
  });
});

describe('a refused message', () => {
  it('fails alone, with a typed error; the others go through, and it can be discarded', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const chat = ada.client.chat(id);
    const before = chat.send('before');
    const bad = chat.send({ content: 'an answer to nothing', reply_to: 900 });
    const after = chat.send('after');
    await Promise.all([before.sent, after.sent]);
    await expect(bad.sent).rejects.toMatchObject({
      name: 'TidelineError',
      code: expect.stringMatching(/invalid|not_found/),
    });
    expect(bad.status).toBe('failed');
    expect(texts(chat.timeline)).toEqual(['before', 'after', 'an answer to nothing']);
    await bad.discard();
    expect(texts(chat.timeline)).toEqual(['before', 'after']);
    await until(() => bob.heard.length === 2);
  });
});
