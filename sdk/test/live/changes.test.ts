import { describe, expect, it } from 'vitest';
import { group, person, secondDevice, texts, until } from '../support/people.ts';

describe('a change of a message', () => {
  it('is shown at once, and reaches everybody, also a device that comes later', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const [chat, bobs] = [ada.client.chat(id), bob.client.chat(id)];
    const { seq } = await chat.send('helo').sent;
    await until(() => chat.message(seq) !== undefined && bobs.message(seq) !== undefined);

    const editing = chat.edit(seq, 'hello');
    expect(texts(chat.timeline)).toEqual(['hello']);
    expect(await editing).toMatchObject({ content: 'hello', edited_at: expect.any(String) });
    const reacting = bobs.react(seq, '👍');
    expect(bobs.message(seq)?.reactions).toEqual([{ emoji: '👍', count: 1, mine: true }]);
    await reacting;
    await bobs.react(seq, '👍');
    await chat.pin(seq);
    const now = { content: 'hello', reactions: [{ emoji: '👍', count: 1 }], pinned: { user_id: ada.user.id } };
    await until(() => bobs.message(seq)?.pinned !== undefined && chat.message(seq)?.reactions !== undefined);
    expect(chat.message(seq)).toMatchObject(now);
    expect(bobs.message(seq)?.reactions).toEqual([{ emoji: '👍', count: 1, mine: true }]);
    await until(() => bob.client.chats.row(id)?.last_message?.content === 'hello');

    const tablet = await secondDevice(bob);
    const late = tablet.client.chat(id);
    await late.open();
    expect(late.timeline).toEqual(bobs.timeline);

    await chat.recall(seq);
    await until(() => bobs.message(seq)?.recalled !== undefined && late.message(seq)?.recalled !== undefined);
    expect(bobs.message(seq)).toMatchObject({ content: '', recalled: { user_id: ada.user.id } });
    expect(late.message(seq)).toEqual(bobs.message(seq));
    expect([...ada.errors, ...bob.errors]).toEqual([]);
  });

  it('that is refused is taken back', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const { seq } = await ada.client.chat(id).send('mine').sent;
    const chat = bob.client.chat(id);
    await until(() => chat.message(seq) !== undefined);
    const editing = chat.edit(seq, 'yours');
    expect(texts(chat.timeline)).toEqual(['yours']);
    await expect(editing).rejects.toMatchObject({ name: 'TidelineError', code: 'forbidden' });
    expect(texts(chat.timeline)).toEqual(['mine']);
    await expect(chat.recall(seq)).rejects.toMatchObject({ code: 'forbidden' });
    expect(chat.message(seq)?.recalled).toBeUndefined();
  });
});

describe('a thread', () => {
  it('is apart from the conversation, and followed', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const [chat, bobs] = [ada.client.chat(id), bob.client.chat(id)];
    const { seq } = await chat.send('root').sent;
    const reply = bobs.send({ content: 'reply', thread_seq: seq });
    expect(texts(bobs.thread(seq))).toEqual(['reply']);
    await reply.sent;
    await until(() => chat.message(seq)?.thread?.replies === 1 && ada.client.chats.row(id)?.thread_unread === 1);
    expect([texts(chat.timeline), texts(chat.thread(seq)), texts(bobs.thread(seq))]).toEqual([
      ['root'],
      ['reply'],
      ['reply'],
    ]);
    expect(await chat.changes.threads()).toMatchObject([{ message: { seq }, read: 0, unread: 1 }]);
    await chat.changes.attendThread(seq, { read: 1 });
    await until(() => ada.client.chats.row(id)?.thread_unread === 0);
  });
});

describe('what is one’s own', () => {
  it('a message hidden on one device is hidden on the other, and from nobody else', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const tablet = await secondDevice(bob);
    const [chat, bobs, tablets] = [ada.client.chat(id), bob.client.chat(id), tablet.client.chat(id)];
    await tablets.open();
    const { seq } = await chat.send('for others').sent;
    await until(() => bobs.message(seq) !== undefined && tablets.message(seq) !== undefined);
    const hiding = bobs.hide(seq);
    expect(bobs.timeline).toEqual([]);
    await hiding;
    await until(() => tablets.timeline.length === 0);
    expect(texts(chat.timeline)).toEqual(['for others']);
    await expect(bobs.hide(999)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a message is sent when its time comes, and jumped to', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const chat = ada.client.chat(id);
    const { message } = await chat.changes.schedule(new Date(Date.now() + 1_000), { kind: 'text', content: 'soon' });
    expect(await chat.changes.scheduled()).toMatchObject([{ message: { client_id: message.client_id } }]);
    await chat.changes.schedule(new Date(Date.now() + 60_000), { kind: 'text', content: 'never' }, 'never');
    await chat.changes.cancelScheduled('never');
    await until(() => texts(bob.heard).includes('soon'));
    expect(bob.heard[0]).toMatchObject({ client_id: message.client_id, sender_id: ada.user.id });
    expect(await chat.changes.scheduled()).toEqual([]);
    const page = await bob.client.chat(id).changes.around('unread', 10);
    expect([texts(page.items), page.has_newer]).toEqual([['soon'], false]);
  });

  it('drafts and saved messages are on all devices', async () => {
    const ada = await person('Ada');
    const tablet = await secondDevice(ada);
    const id = await group(ada);
    const chat = ada.client.chat(id);
    const { seq } = await chat.send('worth keeping').sent;
    await chat.changes.saveDraft({ content: 'half a thou' });
    await chat.changes.save(seq, 'read again');
    const [drafts, saved] = [() => tablet.client.items('draft').get(id), () => tablet.client.items('saved')];
    await until(() => drafts() !== undefined && saved().size === 1);
    expect([drafts()?.content, saved().get(`${id}/${seq}`)?.note]).toEqual(['half a thou', 'read again']);
    await tablet.client.chat(id).changes.saveDraft({ content: '' });
    await chat.changes.unsave(seq);
    await until(() => ada.client.items('draft').size === 0 && saved().size === 0);
  });
});
