import type { RoomApi } from '../conversation/api.ts';
import type { InboxApi } from '../inbox/api.ts';
import type { RelayApi } from '../relay/api.ts';
import { hintOf } from '../relay/place.ts';

/** An object as its callers have it: its API, and `fetch` for WebSocket upgrades. */
type Stub<Api> = Api & { fetch(request: Request): Promise<Response> };

/** The only place where stubs are obtained. A stub that threw is not used again: ask for a new one. */
export const room = (env: Env, chatId: string): Stub<RoomApi> => env.ROOMS.get(env.ROOMS.idFromName(chatId));
export const inbox = (env: Env, userId: string): Stub<InboxApi> => env.INBOXES.get(env.INBOXES.idFromName(userId));
export const relay = (env: Env, chatId: string, name: string): Stub<RelayApi> => {
  const locationHint = hintOf(name);
  const id = env.RELAYS.idFromName(`${chatId}/${name}`);
  return locationHint === undefined ? env.RELAYS.get(id) : env.RELAYS.get(id, { locationHint });
};
