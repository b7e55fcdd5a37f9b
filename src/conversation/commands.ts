import type { Member, UpdateMember } from '../protocol/chats.ts';
import { type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { ChannelPreview } from '../protocol/people.ts';
import { announce, getAnnouncement, listReaders, readAnnouncement } from './announcement.ts';
import { ban, isBanned, listBans, unban } from './bans.ts';
import type { Conversation } from './conversation.ts';
import {
  createInvitation,
  type InvitationDraft,
  listInvitations,
  previewInvitation,
  redeem,
  revokeInvitation,
} from './invitations.ts';
import { memberOf } from './members.ts';
import { answer, type Outcome, type PageAfter, type PageOf } from './outcome.ts';
import { NOT_FOUND } from './permissions.ts';
import { cancelRequest, decideRequest, getRequest, listRequests, makeRequest } from './requests.ts';
import { joinPolicyOf } from './settings.ts';
import { getMember, setMember, transfer } from './standing.ts';
import { currentOf } from './state.ts';
import { tierOf } from './tiers.ts';

/** What is asked of a conversation about its people: one call for all of it. The schemas of the answers are in the protocol. */
export type Command =
  | { do: 'get_member'; user_id: string }
  | { do: 'set_member'; user_id: string; patch: UpdateMember }
  | { do: 'member_ids' }
  | { do: 'find_members'; nickname: string; user_ids: string[]; limit: number }
  | { do: 'transfer'; user_id: string }
  | { do: 'ban'; user_id: string; reason: string | null }
  | { do: 'unban'; user_id: string }
  | { do: 'list_bans'; page: PageAfter }
  | { do: 'make_request'; text: string | null }
  | { do: 'get_request'; user_id: string }
  | { do: 'list_requests'; page: PageAfter }
  | { do: 'decide_request'; user_id: string; accept: boolean }
  | { do: 'cancel_request'; user_id: string }
  | { do: 'create_invitation'; draft: InvitationDraft }
  | { do: 'list_invitations' }
  | { do: 'revoke_invitation'; id: string }
  | { do: 'preview_invitation'; digest: string }
  | { do: 'redeem'; digest: string }
  | { do: 'announce'; text: string | null }
  | { do: 'get_announcement' }
  | { do: 'read_announcement' }
  | { do: 'list_readers'; page: PageAfter }
  | { do: 'preview' };

export function carryOut(conversation: Conversation, user: string, command: Command): Result<Outcome<unknown>> {
  // A code is answered the same whether or not there is the conversation that it names.
  const byCode = command.do === 'preview_invitation' || command.do === 'redeem';
  if (!conversation.initialised && !byCode) return NOT_FOUND;
  switch (command.do) {
    case 'get_member':
      return getMember(conversation, user, command.user_id);
    case 'set_member':
      return setMember(conversation, user, command.user_id, command.patch);
    case 'member_ids':
      return memberIds(conversation, user);
    case 'find_members':
      return findMembers(conversation, user, command);
    case 'transfer':
      return transfer(conversation, user, command.user_id);
    case 'ban':
      return ban(conversation, user, command.user_id, command.reason);
    case 'unban':
      return unban(conversation, user, command.user_id);
    case 'list_bans':
      return listBans(conversation, user, command.page);
    case 'make_request':
      return makeRequest(conversation, user, command.text);
    case 'get_request':
      return getRequest(conversation, user, command.user_id);
    case 'list_requests':
      return listRequests(conversation, user, command.page);
    case 'decide_request':
      return decideRequest(conversation, user, command.user_id, command.accept);
    case 'cancel_request':
      return cancelRequest(conversation, user, command.user_id);
    case 'create_invitation':
      return createInvitation(conversation, user, command.draft);
    case 'list_invitations':
      return listInvitations(conversation, user);
    case 'revoke_invitation':
      return revokeInvitation(conversation, user, command.id);
    case 'preview_invitation':
      return previewInvitation(conversation, user, command.digest);
    case 'redeem':
      return redeem(conversation, user, command.digest);
    case 'announce':
      return announce(conversation, user, command.text);
    case 'get_announcement':
      return getAnnouncement(conversation, user);
    case 'read_announcement':
      return readAnnouncement(conversation, user);
    case 'list_readers':
      return listReaders(conversation, user, command.page);
    case 'preview':
      return preview(conversation, user);
  }
}

/** Everybody who is in it, unless they are too many to be asked about: null. */
function memberIds(conversation: Conversation, user: string): Result<Outcome<string[] | null>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const { chat, members } = conversation;
  return answer(tierOf(chat.member_count) === 'huge' ? null : members.ids());
}

/** Members by the beginning of their nickname, and those of the named who are members. */
function findMembers(
  conversation: Conversation,
  user: string,
  { nickname, user_ids, limit }: Extract<Command, { do: 'find_members' }>,
): Result<Outcome<PageOf<Member>>> {
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const named = user_ids.flatMap((id) => conversation.members.current(id) ?? []);
  const found = new Map(
    [...conversation.members.byNickname(nickname, limit), ...named].map((row) => [row.user_id, row]),
  );
  return answer({ items: [...found.values()].slice(0, limit).map(memberOf), next_cursor: null });
}

/** An open channel as one sees it who thinks of joining: the newest messages, where newcomers see what was before them. */
function preview(conversation: Conversation, user: string): Result<Outcome<ChannelPreview>> {
  const sight = conversation.sight(user);
  if (!sight.ok) return sight;
  const { chat, log } = conversation;
  const member = conversation.members.current(user);
  if (member === undefined) {
    if (isBanned(conversation.sql, user)) return refuse('forbidden', 'you are banned from this channel');
    if (joinPolicyOf(chat) !== 'open') return refuse('forbidden', 'this channel is not open: only members read it');
  }
  const from = member?.visible_from ?? (chat.history === 'all' ? 1 : log.head + 1);
  const { rows } = log.messagePage(from, { limit: LIMITS.previewMessages }, user);
  return answer({ chat: sight.value.chat, messages: rows.map((row) => currentOf(chat.id, row)) });
}
