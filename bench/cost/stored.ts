import { userId } from '../fanout/counts.ts';
import { Crowd } from '../fanout/crowd.ts';
import type { ObservedServer } from '../fanout/server.ts';
import { range } from '../lib/async.ts';
import type { Measurements } from './measured.ts';

const MESSAGES = 1000;
const CHATS = 41;
const GROUPS = { room: 900, inbox: 901 };

/** Sizes of the objects' databases. */
export async function measureStored(server: ObservedServer): Promise<Measurements['stored']> {
  const crowd = await Crowd.gather(server, {
    group: GROUPS.room,
    type: 'Group',
    members: 4,
    online: 0,
    real: 4,
    inRoom: 4,
    clients: 'silent',
  });
  const began = await server.quiet([GROUPS.room]);
  await crowd.open();
  await crowd.burst(MESSAGES);
  crowd.close();
  const size = (await server.quiet([GROUPS.room])).groups[String(GROUPS.room)]?.room.stored ?? 0;
  const before = began.groups[String(GROUPS.room)]?.room.stored ?? 0;

  const inboxWith = async (chats: number) => {
    const owner = userId(GROUPS.inbox, chats);
    for (const _ of range(chats)) {
      const chat = await server.newChat(GROUPS.inbox, { real: CHATS + 1, online: 0 });
      await server.room(chat, 'create', {
        chat_id: chat,
        type: 'Group',
        name: 'A name of usual length',
        workspace_id: null,
        created_by: owner,
        members: [owner],
        history: 'all',
      });
      const message = { client_id: 'first', kind: 'text', content: 'x'.repeat(100) };
      await server.room(chat, 'send', owner, message);
    }
    return (await server.quiet([GROUPS.inbox])).groups[String(GROUPS.inbox)]?.inbox.stored ?? 0;
  };
  const one = await inboxWith(1);
  const both = await inboxWith(CHATS);
  return {
    room: before,
    per_message: (size - before) / MESSAGES,
    inbox: one,
    per_chat_in_inbox: (both - one - one) / (CHATS - 1),
  };
}
