import { expect, it } from 'vitest';
import { drafts, quoting, RichText } from '../../src/index.ts';
import { group, person, until } from '../support/people.ts';

it('kinds, entities and quotes reach the other person as they were sent', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const id = await group(ada, bob);
  const chat = ada.client.chat(id);
  const rich = new RichText().add('see ').bold('this 🌊').add(' ').mention('Bob', bob.user.id).draft();
  const sent = [
    rich,
    drafts.location({ latitude: 1, longitude: 2 }, 'here'),
    drafts.contact({ name: 'Port office' }),
    drafts.sticker({ emoji: '🌊' }),
    drafts.custom({ type: 'com.example.order', data: { items: [1] } }, 'an order'),
  ];
  for (const draft of sent) await chat.send(draft).sent;
  await until(() => bob.heard.length === sent.length);
  for (const [index, draft] of sent.entries()) expect(bob.heard[index]).toMatchObject(draft);
  const [first] = bob.heard;
  if (first === undefined) throw new Error('heard');
  await bob.client.chat(id).send({ content: 'yes', ...quoting(first, 4, 4) }).sent;
  await until(() => ada.heard.length === sent.length + 1);
  expect(ada.heard.at(-1)?.quote).toMatchObject({ text: 'this', sender_id: ada.user.id });
});

it('a poll is voted on, counted and closed; a message is forwarded, and its readers are known', async () => {
  const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
  const [id, other] = [await group(ada, bob), await group(ada, bob)];
  const [adas, bobs] = [ada.client.chat(id), bob.client.chat(id)];
  const { seq } = await adas.send(drafts.poll('When?', { options: ['six', 'seven'] })).sent;
  expect(await bobs.vote(seq, [1])).toEqual({ results: { counts: [0, 1], voters: 1 }, mine: [1] });
  expect((await adas.votes(seq)).items).toEqual([{ user_id: bob.user.id, options: [1] }]);
  expect((await adas.closePoll(seq)).results).toMatchObject({ voters: 1, closed_at: expect.any(String) });
  await expect(bobs.vote(seq, [0])).rejects.toMatchObject({ code: 'conflict' });
  expect((await bobs.poll(seq)).mine).toEqual([1]);

  const said = await adas.send('carry me').sent;
  const copy = await bobs.forward(said.seq, bob.client.chat(other));
  expect(copy).toMatchObject({ content: 'carry me', forwarded_from: { chat_id: id, seq: said.seq } });
  await until(() => bobs.seq >= said.seq);
  bobs.read();
  await until(() => adas.watermarks(bob.user.id)?.read_seq === said.seq);
  expect((await adas.readers(said.seq)).items).toMatchObject([{ user_id: bob.user.id }]);
});
