import { expect, it } from 'vitest';
import { person } from '../support/people.ts';

it('finds messages in one conversation and in all, and says where the words stand', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const chat = await ada.client.chats.create({ type: 'Group', name: 'One', members: [bob.user.id] });
  await chat.send('a narwhal in the bay').sent;
  await chat.send('另一条消息').sent;
  const page = await chat.search({ q: 'narwhal', sort: 'relevance' });
  expect(page.items[0]).toMatchObject({ snippet: 'a narwhal in the bay', highlights: [[2, 9]] });
  const all = await bob.client.search({
    q: '消息',
    sender: ada.user.id,
    since: new Date(0),
    until: new Date('2999-01-01'),
  });
  expect(all).toMatchObject({ items: [{ message: { chat_id: chat.id } }], unreached: [], complete: true });
  expect((await bob.client.search({ q: 'narwhal', chats: [chat.id], has: 'file' })).items).toEqual([]);
  await expect(bob.client.search({})).rejects.toMatchObject({ code: 'invalid' });
});
