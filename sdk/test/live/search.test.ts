import { expect, it } from 'vitest';
import { drafts } from '../../src/index.ts';
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

it('finds files by their names, and other kinds by what they say', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const chat = await ada.client.chats.create({ type: 'Group', name: 'One', members: [bob.user.id] });
  const file = await ada.client.files.upload(new Blob(['high water at six']), { name: 'tide table 潮汐表.txt' });
  const { ticket } = await ada.client.files.ticket(chat.id, file.id);
  const { seq } = await chat.send(drafts.media('file', [ticket])).sent;
  const poll = await chat.send(drafts.poll('Where?', { options: ['on the quay', 'at the table'] })).sent;
  const seqs = async (options: Parameters<typeof bob.client.search>[0]) =>
    (await bob.client.search(options)).items.map(({ message }) => message.seq);
  expect(await seqs({ q: 'table' })).toEqual([poll.seq, seq]);
  expect(await seqs({ q: '潮汐' })).toEqual([seq]);
  expect(await seqs({ has: 'file' })).toEqual([seq]);
  expect(await seqs({ kind: 'poll', sender: ada.user.id })).toEqual([poll.seq]);
  const [hit] = (await bob.client.search({ q: 'tide' })).items;
  expect(hit?.highlights.map(([from, to]) => hit.snippet.slice(from, to))).toEqual(['tide']);
});
