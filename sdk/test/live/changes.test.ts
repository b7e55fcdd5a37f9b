import { describe, expect, it } from 'vitest';
import { drafts, RichText } from '../../src/index.ts';
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

  it('gives a text with marks another one, and keeps them', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const [chat, bobs] = [ada.client.chat(id), bob.client.chat(id)];
    const { seq } = await chat.send(new RichText().add('see ').bold('this').draft()).sent;
    await until(() => chat.message(seq) !== undefined);
    const { content, entities, mentions } = new RichText().bold('that').add(' ').mention('Bob', bob.user.id).draft();
    const editing = chat.edit(seq, { content, entities, mentions });
    expect(chat.message(seq)).toMatchObject({ content: 'that @Bob', entities });
    expect(await editing).toMatchObject({ content, entities, mentions });
    await until(() => bobs.message(seq)?.edited_at !== undefined && bob.client.chats.row(id)?.mentions === 1);
    expect(bobs.message(seq)).toMatchObject({ entities });
    await until(() => chat.seq > seq);
    expect(chat.message(seq)).toEqual(bobs.message(seq));
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

describe('a vote', () => {
  it('is counted at once, told to the others, and taken back when it is refused', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const [chat, bobs] = [ada.client.chat(id), bob.client.chat(id)];
    const { seq } = await chat.send(drafts.poll('When?', { options: ['six', 'seven'] })).sent;
    await until(() => chat.message(seq) !== undefined && bobs.message(seq) !== undefined);
    const results = (of: typeof chat) => of.message(seq)?.results;

    const voting = bobs.vote(seq, [1]);
    expect(results(bobs)).toEqual({ counts: [0, 1], voters: 1 });
    await voting;
    expect(results(bobs)).toEqual({ counts: [0, 1], voters: 1 });
    await until(() => results(chat)?.voters === 1);
    // What one has chosen on another device is known once it was asked for.
    const tablets = (await secondDevice(bob)).client.chat(id);
    await tablets.open();
    expect((await tablets.poll(seq)).mine).toEqual([1]);
    const moving = tablets.vote(seq, [0]);
    expect(results(tablets)).toEqual({ counts: [1, 0], voters: 1 });
    await moving;
    await until(() => results(bobs)?.counts[0] === 1 && results(chat)?.counts[0] === 1);
    expect([results(bobs), results(tablets)]).toEqual([results(chat), results(chat)]);

    await bobs.poll(seq);
    const wrong = bobs.vote(seq, [0, 1]);
    expect(results(bobs)?.counts).toEqual([1, 1]);
    await expect(wrong).rejects.toMatchObject({ code: 'invalid' });
    expect(results(bobs)).toEqual({ counts: [1, 0], voters: 1 });
    await chat.closePoll(seq);
    await until(() => results(bobs)?.closed_at !== undefined);
    await expect(bobs.vote(seq, [1])).rejects.toMatchObject({ code: 'conflict' });
    expect(results(bobs)).toEqual(results(chat));
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

  it('has a history apart from what is held', async () => {
    const ada = await person('Ada');
    const id = await group(ada);
    const chat = ada.client.chat(id);
    const { seq } = await chat.send('root').sent;
    for (const content of ['one', 'two', 'three']) await chat.send({ content, thread_seq: seq }).sent;
    await chat.send('no reply').sent;
    const { head_seq } = await chat.fetch();
    const window = await chat.repliesAround(seq, head_seq + 1, { page: 4 });
    expect([texts(window.items), window.hasOlder, window.hasNewer]).toEqual([['two', 'three'], true, false]);
    await window.loadOlder();
    expect([texts(window.items), window.hasOlder]).toEqual([['one', 'two', 'three'], false]);
    const [first] = window.items;
    expect(chat.isHidden(first?.seq ?? 0)).toBe(false);
    await chat.hide(first?.seq ?? 0);
    expect(chat.isHidden(first?.seq ?? 0)).toBe(true);
    expect(texts((await chat.repliesAround(seq, head_seq + 1)).items)).toEqual(['two', 'three']);
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

  it('how one keeps a conversation is shown at once, and taken back when it is refused', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const tablet = await secondDevice(bob);
    const row = () => bob.client.chats.row(id);
    const preferring = bob.client.chat(id).prefer({ pinned: true, marked_unread: true, notify: 'mentions' });
    expect(row()).toMatchObject({ pinned: true, marked_unread: true, notify: 'mentions', muted: false });
    expect(await preferring).toMatchObject({ pinned: true, marked_unread: true });
    await until(() => tablet.client.chats.row(id)?.marked_unread === true);
    expect(row()).toEqual(tablet.client.chats.row(id));

    await ada.client.chat(id).send('news').sent;
    await until(() => bob.client.chat(id).unread === 1);
    bob.client.chat(id).read();
    await until(() => row()?.marked_unread === false && tablet.client.chats.row(id)?.marked_unread === false);

    const told: string[] = [];
    bob.client.on('chats', ({ changed }) => told.push(...changed));
    // What the types rule out the server refuses.
    const wrong: { notify: 'none' } = JSON.parse('{"notify":"never"}');
    const refused = bob.client.chat(id).prefer({ muted: true, ...wrong });
    expect(row()?.muted).toBe(true);
    await expect(refused).rejects.toMatchObject({ code: 'invalid' });
    expect(row()).toMatchObject({ muted: false, notify: 'mentions' });
    await until(() => told.includes(id));
  });

  it('a conversation is exported as lines, one message each, threads included, without what one has deleted', async () => {
    const [ada, bob] = await Promise.all([person('Ada'), person('Bob')]);
    const id = await group(ada, bob);
    const chat = ada.client.chat(id);
    expect(await (await chat.export()).text()).toBe('\n');
    const { seq } = await chat.send('root').sent;
    await chat.send({ content: 'reply', thread_seq: seq }).sent;
    const hidden = await chat.send('not for me').sent;
    await until(() => chat.message(hidden.seq) !== undefined);
    await chat.hide(hidden.seq);
    const lines = (await (await chat.export()).text()).split('\n');
    expect(lines.slice(-2)).toEqual(['', '']);
    expect(texts(lines.slice(0, -2).map((line) => JSON.parse(line)))).toEqual(['root', 'reply']);
    await bob.client.chat(id).leave();
    await expect(bob.client.chat(id).export()).rejects.toMatchObject({ code: 'not_found' });
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
