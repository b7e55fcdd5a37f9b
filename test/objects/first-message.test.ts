import { expect, test } from 'vitest';
import { createChat, eventually, identity, inboxOf, inboxSocket, newUser, roomOf, value } from '../support/objects.ts';

test('the first message after a device has come reaches it as an event, though the room knew of no device', async () => {
  const [a, b] = [newUser(), newUser()];
  const chatId = await createChat([a, b], { type: 'Single', name: null });
  value(await roomOf(chatId).send(a, { client_id: 'one', kind: 'text', content: 'nobody listens' }));
  await eventually('b is told', async () => {
    const item = await inboxOf(b).chat(chatId);
    return item.ok && item.value.head_seq === 2;
  });
  const socket = await inboxSocket(identity(b));
  await socket.next('inbox');
  value(await roomOf(chatId).send(a, { client_id: 'two', kind: 'text', content: 'hello again' }));
  expect(await socket.next('events')).toMatchObject({ head_seq: 3, events: [{ seq: 3, content: 'hello again' }] });
});
