import { describe, expect, it } from 'vitest';
import { linkOf } from '../../src/conversation/previews.ts';
import { messagesNow } from '../support/messages.ts';
import { newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const url = 'https://example.com/a';
const found = { url, title: 'Found it' };
const inRoom = <T>(work: (test: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    return work(test);
  });
const everything = (test: TestRoom): string =>
  ['events', 'message_state', 'links', 'previews']
    .map((table) => JSON.stringify(test.storage.sql.exec(`SELECT * FROM ${table}`).toArray()))
    .join();

describe('the link of a text', () => {
  it.each<[string, string | undefined]>([
    ['see https://example.com/a.', 'https://example.com/a'],
    ['(https://example.com/a)', 'https://example.com/a'],
    ['HTTP://EXAMPLE.COM', 'HTTP://EXAMPLE.COM'],
    ['https://example.com/a\u0000b', 'https://example.com/a'],
    ['two: https://a.example.com https://b.example.com', 'https://a.example.com'],
    ['ftp://example.com and javascript://x', undefined],
    ['nothing', undefined],
    [`https://example.com/${'x'.repeat(3000)}`, undefined],
  ])('%s', (content, link) => {
    expect(linkOf(content)).toBe(link);
  });

  it('is the one that is marked as such, and never code', () => {
    expect(linkOf('here', [{ type: 'link', offset: 0, length: 4, url }])).toBe(url);
    expect(linkOf(url, [{ type: 'code', offset: 0, length: url.length }])).toBeUndefined();
  });
});

describe('a link', () => {
  it('is looked up after its message is stored, and what is found becomes a part of it', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, `see ${url}`);
      expect(test.inboxes.links).toEqual([{ chat_id: test.conversation.chat.id, seq, url }]);
      test.restart();
      test.room.previewed(seq, url, found);
      expect(messagesNow(test, bob).get(seq)).toMatchObject({ content: `see ${url}`, preview: found });
      // A second answer changes nothing.
      const head = test.conversation.log.head;
      test.room.previewed(seq, url, { url, title: 'other' });
      expect(test.conversation.log.head).toBe(head);
      expect(test.conversation.notice(bob)).toMatchObject({ messages: 1 });
    });
  });

  it('is not looked up again with a resend, nor where previews are off, nor in what is no text', async () => {
    await inRoom(async (test) => {
      await test.sent(ada, url, { client_id: 'c' });
      expect(value(await test.send(ada, url, { client_id: 'c' })).duplicate).toBe(true);
      await test.sent(ada, url, { kind: 'location', location: { latitude: 0, longitude: 0 } });
      test.publish(test.conversation.membership.update(ada, { previews: 'off' }));
      test.restart();
      await test.sent(ada, url);
      expect(test.inboxes.links.length).toBe(1);
    });
  });

  it('that nobody answers for is asked for again a few times, also by a room that begins anew', async () => {
    await inRoom(async (test) => {
      await test.sent(ada, url);
      for (let hour = 0; hour < 5; hour++) {
        test.clock.pass(3_600_000);
        test.restart();
        test.room.attend();
        await test.inboxes.settled();
      }
      expect(test.inboxes.links.length).toBe(3);
      expect(test.storage.sql.exec('SELECT * FROM links').toArray()).toEqual([]);
      await test.ringUntilQuiet();
    });
  });

  it('of another text is another one: the answer for the old one is not taken', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, url);
      await test.change(ada, seq, { type: 'edit', content: 'https://example.com/b' });
      test.room.previewed(seq, url, found);
      expect(messagesNow(test, bob).get(seq)).not.toHaveProperty('preview');
      test.room.previewed(seq, 'https://example.com/b', { url: 'https://example.com/b', title: 'B' });
      expect(messagesNow(test, bob).get(seq)?.preview?.title).toBe('B');
      await test.change(ada, seq, { type: 'edit', content: 'no link' });
      expect(messagesNow(test, bob).get(seq)).not.toHaveProperty('preview');
      expect(everything(test)).not.toContain('"B"');
    });
  });

  it('goes with its message: what was found is nowhere any more, and what comes later is not taken', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, url);
      test.room.previewed(seq, url, found);
      const late = await test.sent(ada, `${url}?late`);
      await test.change(ada, seq, { type: 'recall' });
      await test.change(ada, late, { type: 'recall' });
      test.room.previewed(late, `${url}?late`, found);
      expect(everything(test)).not.toContain('Found it');
      expect(everything(test)).not.toContain('example.com');
      expect(test.inboxes.faults).toEqual([]);
    });
  });
});
