import { inChat } from '../chats/directory.ts';
import type { Ask } from '../conversation/asks.ts';
import { type ApiContext, passJson } from './api.ts';

/** A member asks a room for something: the answer is JSON that the room has written. */
export const ask = async (c: ApiContext, id: string, wanted: Ask) =>
  passJson<never>(c, await inChat(c.env, id, c.var.identity.user_id, (chat, user) => chat.ask(user, wanted)));
