import type { Bridge } from '../bridge/bridge.ts';
import { CallError } from '../bridge/remote.ts';
import { failureText } from '../notify.ts';
import { toast } from '../ui/overlays.ts';

// What can be done to a message that stands in the log. That it was done comes back with the events.

const path = (chatId: string, seq: number) => `/api/chats/${chatId}/messages/${seq}`;

/** Makes the request; what went wrong is said in passing. @returns whether it was done */
async function attempt(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    toast(failureText(error.failure));
    return false;
  }
}

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

export const pin = (bridge: Bridge, chatId: string, seq: number, wanted: boolean) =>
  attempt(bridge.request(`/api/chats/${chatId}/pins/${seq}`, { method: wanted ? 'PUT' : 'DELETE' }));
