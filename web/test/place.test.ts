import { expect, it } from 'vitest';
import { addressOf } from '../src/messages/place.ts';

it('a message is shown in its conversation, or beside it in its thread', () => {
  const at = { chat_id: 'chat_1', seq: 9 };
  expect(addressOf(at)).toBe('/c/chat_1?at=9');
  expect(addressOf({ ...at, thread_seq: 4 })).toBe('/c/chat_1?at=4&thread=4');
  expect(addressOf({ ...at, thread_seq: 4, also_to_chat: true })).toBe('/c/chat_1?at=9');
});
