import { describe, expect, it } from 'vitest';
import { signTicket, TICKET_TTL_MS } from '../../src/files/ticket.ts';
import { newId } from '../../src/ids.ts';
import type { FileInfo } from '../../src/protocol/files.ts';
import type { SendableKind } from '../../src/protocol/kinds.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { messagesNow } from '../support/messages.ts';
import { codeOf, newUser, overStorage, value } from '../support/objects.ts';
import { TestRoom, TICKET_KEYS } from '../support/room.ts';

const [ada, bob] = [newUser(), newUser()];
const inRoom = <T>(work: (test: TestRoom) => Promise<T>): Promise<T> =>
  overStorage((storage) => {
    const test = new TestRoom(storage);
    test.create([ada, bob]);
    return work(test);
  });

const file = (fields: Partial<FileInfo> = {}): FileInfo => ({
  id: newId('file'),
  name: 'a file',
  size: 9,
  type: 'image/png',
  sha256: 'a'.repeat(64),
  inline: true,
  created_at: '2026-11-21T08:00:00.000Z',
  ...fields,
});
const ticket = (test: TestRoom, info: FileInfo, user = ada, chat_id = test.conversation.chat.id): string =>
  signTicket(TICKET_KEYS, { user_id: user, chat_id, file: info }, test.clock.now).ticket;

const EXAMPLES = {
  image: file({ width: 4, height: 3, placeholder: 'AAAA', thumbnail_id: newId('file') }),
  video: file({ type: 'video/mp4', duration_ms: 1000 }),
  audio: file({ type: 'audio/mpeg' }),
  voice: file({ type: 'audio/ogg', duration_ms: 1000, waveform: 'AAAA' }),
  file: file({ type: 'application/pdf', inline: false }),
} satisfies Partial<Record<SendableKind, FileInfo>>;
const kinds = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];

describe.each(kinds)('a message of kind %s', (kind) => {
  const info = EXAMPLES[kind];
  it('brings its file by a ticket, once, and its readers may fetch it', async () => {
    await inRoom(async (test) => {
      const send = () => test.send(ada, '', { kind, files: [ticket(test, info)], client_id: 'c' });
      const { row } = value(await send());
      test.clock.pass(1000);
      test.restart();
      expect(value(await send())).toMatchObject({ duplicate: true, row: { seq: row.seq } });
      expect(messagesNow(test, bob).get(row.seq)).toMatchObject({ kind, files: [info] });
      await test.inboxes.settled();
      expect(test.inboxes.last(bob)?.last_message?.files).toEqual([info]);
      expect(codeOf(test.conversation.file(bob, info.id))).toBe('ok');
      expect(codeOf(test.conversation.file(newUser(), info.id))).toBe('not_found');
      const other = { kind, files: [ticket(test, { ...info, id: newId('file') })], client_id: 'c' };
      expect(codeOf(await test.send(ada, '', other))).toBe('conflict');
      await test.change(ada, row.seq, { type: 'recall' });
      expect(codeOf(test.conversation.file(bob, info.id))).toBe('not_found');
      expect(messagesNow(test, bob).get(row.seq)).not.toHaveProperty('files');
    });
  });

  it('is the same when it is sent again after its ticket has ended', async () => {
    await inRoom(async (test) => {
      const message = { kind, files: [ticket(test, info)], client_id: 'c' };
      await test.sent(ada, '', message);
      test.clock.pass(TICKET_TTL_MS + 1000);
      expect(value(await test.send(ada, '', message)).duplicate).toBe(true);
      expect(codeOf(await test.send(ada, '', { ...message, client_id: 'd' }))).toBe('invalid');
    });
  });

  it('takes no ticket of another person or conversation, none that is forged, and no file without one', async () => {
    await inRoom(async (test) => {
      const code = async (files?: string[]) => codeOf(await test.send(ada, '', { kind, ...(files ? { files } : {}) }));
      const good = ticket(test, info);
      expect(await code([ticket(test, info, bob)])).toBe('invalid');
      expect(await code([ticket(test, info, ada, newId('chat'))])).toBe('invalid');
      expect(await code([`${good.slice(0, -2)}xx`])).toBe('invalid');
      expect(await code([info.id])).toBe('invalid');
      expect(await code()).toBe('invalid');
      expect(codeOf(await test.send(ada, 'x', { kind: 'text', files: [good] }))).toBe('invalid');
    });
  });

  it('is forwarded with leave for its file, and not without', async () => {
    const attested = await inRoom(async (test) => {
      const seq = await test.sent(ada, '', { kind, files: [ticket(test, info)] });
      return test.conversation.attest(bob, seq);
    });
    await inRoom(async (test) => {
      const forward = (tickets: string[], client_id: string) =>
        test.room.placed(test.conversation.forward(ada, { client_id, attested, tickets }));
      expect(codeOf(forward([], 'a'))).toBe('invalid');
      expect(codeOf(forward([ticket(test, file())], 'b'))).toBe('invalid');
      const { row } = value(forward([ticket(test, info)], 'c'));
      expect(messagesNow(test, bob).get(row.seq)).toMatchObject({ kind, files: [info] });
      expect(codeOf(test.conversation.file(bob, info.id))).toBe('ok');
    });
  });
});

describe('the file of a kind', () => {
  it.each<[string, keyof typeof EXAMPLES, FileInfo[], string]>([
    ['an image that is a film', 'image', [EXAMPLES.video], 'invalid'],
    ['an image that browsers do not show', 'image', [file({ type: 'image/svg+xml', inline: false })], 'invalid'],
    ['a voice note of no length', 'voice', [EXAMPLES.audio], 'invalid'],
    ['two voice notes', 'voice', [EXAMPLES.voice, EXAMPLES.voice], 'invalid'],
    ['several images', 'image', [EXAMPLES.image, file()], 'ok'],
    ['too many images', 'image', Array.from({ length: LIMITS.filesPerMessage + 1 }, () => file()), 'invalid'],
    ['an image sent as a file', 'file', [EXAMPLES.image], 'ok'],
  ])('%s', async (_what, kind, files, code) => {
    await inRoom(async (test) => {
      const message = { kind, files: files.map((info) => ticket(test, info)) };
      expect(codeOf(await test.send(ada, '', message))).toBe(code);
    });
  });

  it('has a caption that is edited, and stays', async () => {
    await inRoom(async (test) => {
      const seq = await test.sent(ada, 'cap', { kind: 'image', files: [ticket(test, EXAMPLES.image)] });
      expect(codeOf(await test.change(ada, seq, { type: 'edit', content: '' }))).toBe('ok');
      expect(messagesNow(test, bob).get(seq)).toMatchObject({ content: '', files: [EXAMPLES.image] });
    });
  });
});
