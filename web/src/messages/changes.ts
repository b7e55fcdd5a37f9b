import type { Bridge } from '../bridge/bridge.ts';
import { attempt } from '../notify.ts';

// What can be done to a message that stands in the log. That it was done comes back with the events.

const path = (chatId: string, seq: number) => `/api/chats/${chatId}/messages/${seq}`;

export const recall = (bridge: Bridge, chatId: string, seq: number) =>
  attempt(bridge.request(path(chatId, seq), { method: 'DELETE' }));

export function edit(bridge: Bridge, chatId: string, seq: number, content: string, mentions: readonly string[]) {
  const body = { content, ...(mentions.length === 0 ? {} : { mentions }) };
  return attempt(bridge.request(path(chatId, seq), { method: 'PATCH', body }));
}

export const react = (bridge: Bridge, chatId: string, seq: number, emoji: string, wanted: boolean) =>
  attempt(
    bridge.request(`${path(chatId, seq)}/reactions/${encodeURIComponent(emoji)}`, {
      method: wanted ? 'PUT' : 'DELETE',
    }),
  );

/** Deletes a message for the user alone. */
export const hide = (bridge: Bridge, chatId: string, seq: number) => attempt(bridge.chat(chatId).hide(seq));

/** Keeps a message for later, or no longer. */
export const keep = (bridge: Bridge, chatId: string, seq: number, wanted: boolean) =>
  attempt(bridge.chat(chatId).changes[wanted ? 'save' : 'unsave'](seq));

/** Under one name, so that a request that is made twice is one message. @throws CallError */
export const forward = (bridge: Bridge, to: string, from: string, seq: number, clientId: string) =>
  bridge.request(`/api/chats/${to}/forwards`, {
    body: { client_id: clientId, from_chat_id: from, seq },
    idempotent: true,
  });

export const pin = (bridge: Bridge, chatId: string, seq: number, wanted: boolean) =>
  attempt(bridge.request(`/api/chats/${chatId}/pins/${seq}`, { method: wanted ? 'PUT' : 'DELETE' }));
