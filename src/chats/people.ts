import { idsByName } from '../auth/users.ts';
import type { InvitationDraft } from '../conversation/invitations.ts';
import { findChannels } from '../db/channels.ts';
import { database } from '../db/client.ts';
import { isFullMember, isWorkspaceMember } from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { room } from '../objects/stubs.ts';
import { type ChannelEntry, Invitation, InvitationPreview, type NewInvitation } from '../protocol/people.ts';
import { ask } from '../routes/call.ts';
import { entering, inChat, manage, requireHost, requireWelcome, see } from './directory.ts';
import { chatOfCode, digestOf, newCode } from './invitations.ts';

/*
 * How people come into conversations and are found there: what the door adds to the rooms, which know neither names nor
 * workspaces.
 */

/** Users whom D1 is asked about by the beginning of a handle, for a conversation that is too large to be asked for its members. */
const CANDIDATES = 100;

type Draft = Omit<InvitationDraft, 'id' | 'digest'>;

/** Makes an invitation: the code is in the answer and is kept nowhere. */
export async function createInvitation(env: Env, chatId: string, userId: string, draft: Draft): Promise<NewInvitation> {
  const { chat } = await see(env, chatId, userId);
  await requireHost(database(env), chat.workspace_id, userId);
  // Made before the first attempt, so that an attempt made twice is one invitation.
  const code = newCode(chatId);
  const invitation = { ...draft, id: newId('inv'), digest: await digestOf(code) };
  const text = await manage(env, chatId, userId, { do: 'create_invitation', draft: invitation });
  return { ...Invitation.parse(JSON.parse(text)), code };
}

const noInvitation = () => new ApiError('not_found', 'this invitation does not hold, or not any more');

/** What an invitation is to. Into a conversation of a workspace it invites its members only. */
export async function previewInvitation(env: Env, userId: string, code: string): Promise<InvitationPreview> {
  const digest = await digestOf(code);
  const text = await ask(() => room(env, chatOfCode(code)).manage(userId, { do: 'preview_invitation', digest }));
  const preview = InvitationPreview.parse(JSON.parse(text));
  const { workspace_id } = preview.chat;
  if (workspace_id !== null && !(await isWorkspaceMember(database(env), workspace_id, userId))) throw noInvitation();
  return preview;
}

/** Comes in by an invitation. Doing it again uses nothing. */
export async function redeemInvitation(env: Env, userId: string, code: string): Promise<string> {
  const { chat } = await previewInvitation(env, userId, code);
  const digest = await digestOf(code);
  const entry = { chat_id: chat.id, user_ids: [userId], new: false };
  const { value, out } = await entering(env, database(env), chat.workspace_id, entry, () =>
    ask(() => room(env, chat.id).manage(userId, { do: 'redeem', digest })),
  );
  if (out.includes(userId)) throw noInvitation();
  return value;
}

/** Lets in who has asked, or does not. Whom the door would not let in is not let in by it. */
export async function decideRequest(
  env: Env,
  chatId: string,
  userId: string,
  asking: string,
  accept: boolean,
): Promise<string> {
  const decide = () => manage(env, chatId, userId, { do: 'decide_request', user_id: asking, accept });
  if (!accept) return decide();
  const { chat } = await see(env, chatId, userId);
  const db = database(env);
  await requireHost(db, chat.workspace_id, userId);
  await requireWelcome(db, chat.workspace_id, [asking], 'user_id');
  const entry = { chat_id: chatId, user_ids: [asking], new: false };
  return (await entering(env, db, chat.workspace_id, entry, decide)).value;
}

/**
 * Members by nickname, handle or name. Names are in D1 and members in the room: of up to 5,000 members D1 is asked by their
 * ids, whatever is searched; of more, users are found by the beginning of their handle, and the room says who is a member.
 */
export async function findMembers(
  env: Env,
  chatId: string,
  userId: string,
  query: string,
  limit: number,
): Promise<string> {
  const text = await manage(env, chatId, userId, { do: 'member_ids' });
  const ids: unknown = JSON.parse(text);
  const among = Array.isArray(ids) ? ids.filter((id): id is string => typeof id === 'string') : null;
  const user_ids = await idsByName(database(env), query, among, among === null ? CANDIDATES : limit);
  return inChat(env, chatId, userId, (chat, user) =>
    chat.manage(user, { do: 'find_members', nickname: query, user_ids, limit }),
  );
}

export interface ChannelSearch {
  workspace_id: string | null;
  query: string;
  cursor: string | undefined;
  limit: number;
}

/** Public channels outside of workspaces, or of one workspace for its members, but for guests. */
export async function searchChannels(
  env: Env,
  userId: string,
  { workspace_id, query, cursor, limit }: ChannelSearch,
): Promise<{ items: ChannelEntry[]; next_cursor: string | null }> {
  const db = database(env);
  if (workspace_id !== null && !(await isFullMember(db, workspace_id, userId))) {
    throw new ApiError('not_found', 'There is no such workspace, or you are not in it');
  }
  const after = cursor === undefined ? null : positionOf(cursor);
  const rows = await findChannels(db, { workspace_id, query, after, limit: limit + 1 });
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next_cursor: rows.length > limit && last ? `${last.member_count}.${last.id}` : null };
}

function positionOf(cursor: string): { member_count: number; id: string } {
  const [, count, id] = /^(\d{1,9})\.(chat_[0-9a-z]{26})$/.exec(cursor) ?? [];
  if (count === undefined || id === undefined) throw new ApiError('invalid', 'cursor: is none of this list');
  return { member_count: Number(count), id };
}
