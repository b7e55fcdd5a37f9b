import { expect, it } from 'vitest';
import { signTicket, TICKET_TTL_MS } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import type { FileInfo } from '../../src/protocol/files.ts';
import { codeOf, newUsers, overStorage, value } from '../support/objects.ts';
import { TestRoom, TICKET_KEYS } from '../support/room.ts';

const fileInfo = (fields: Partial<FileInfo> = {}): FileInfo => ({
  id: newId('file'),
  name: 'a.png',
  size: 10,
  type: 'image/png',
  sha256: 'a'.repeat(64),
  inline: true,
  created_at: '2026-11-21T08:00:00.000Z',
  ...fields,
});

it('is fetched by members who may see a message that carries it, and by nobody else', () =>
  overStorage(async (storage) => {
    const [ada = '', bob = '', eve = '', late = ''] = newUsers(4);
    const test = new TestRoom(storage);
    test.create([ada, bob], { history: 'joined' });
    const seq = await test.sent(ada, 'look');
    const file = fileInfo({ thumbnail_id: newId('file') });
    const { conversation } = test;
    expect(codeOf(conversation.file(bob, file.id))).toBe('not_found');
    conversation.recordFile(seq, file);
    conversation.recordFile(seq, file);
    for (const id of [file.id, file.thumbnail_id ?? '']) {
      expect(codeOf(conversation.file(bob, id))).toBe('ok');
      expect(codeOf(conversation.file(eve, id))).toBe('not_found');
    }
    // Who joins later does not see what was before.
    value(conversation.membership.add(ada, [late]));
    expect(codeOf(conversation.file(late, file.id))).toBe('not_found');
    // Sent again, as a forward is, they do; until that message is recalled.
    const again = await test.sent(ada, 'again');
    conversation.recordFile(again, file);
    expect(codeOf(conversation.file(late, file.id))).toBe('ok');
    value(conversation.changeMessage(ada, { seq: again, change: { type: 'recall' } }, test.clock.now));
    expect(codeOf(conversation.file(late, file.id))).toBe('not_found');
    expect(codeOf(conversation.file(bob, file.id))).toBe('ok');
    // Who leaves has nothing more of it, who is back has what they see again.
    value(conversation.membership.remove(ada, bob));
    expect(codeOf(conversation.file(bob, file.id))).toBe('not_found');
    expect(conversation.holdsFile(file.id)).toBe(true);
    test.restart();
    expect(codeOf(test.conversation.file(ada, file.id))).toBe('ok');
    value(test.conversation.membership.destroy(ada));
    expect(codeOf(test.conversation.file(ada, file.id))).toBe('not_found');
    expect(test.conversation.holdsFile(file.id)).toBe(false);
  }));

it('comes in by a ticket that is the sender’s, for this conversation', () =>
  overStorage(async (storage) => {
    const [ada = '', bob = ''] = newUsers(2);
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    const file = fileInfo();
    const chat_id = test.conversation.chat.id;
    const { ticket } = signTicket(TICKET_KEYS, { user_id: ada, chat_id, file }, test.clock.now);
    expect(value(test.conversation.openFile(ada, ticket))).toEqual(file);
    expect(codeOf(test.conversation.openFile(bob, ticket))).toBe('invalid');
    const elsewhere = signTicket(TICKET_KEYS, { user_id: ada, chat_id: newId('chat'), file }, test.clock.now);
    expect(codeOf(test.conversation.openFile(ada, elsewhere.ticket))).toBe('invalid');
    test.clock.pass(TICKET_TTL_MS);
    expect(codeOf(test.conversation.openFile(ada, ticket))).toBe('invalid');
  }));

it('is not held by a conversation that was never made', () =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    expect(codeOf(test.conversation.file(newId('usr'), newId('file')))).toBe('not_found');
    expect(test.conversation.holdsFile(newId('file'))).toBe(false);
  }));
