import { z } from 'zod';
import { timestamp } from '../clock.ts';
import { Role } from '../protocol/chats.ts';
import { ok, type Result, refuse } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Invitation, InvitationPreview, Redeemed } from '../protocol/people.ts';
import { isBanned } from './bans.ts';
import type { Conversation } from './conversation.ts';
import { memberOf } from './members.ts';
import { answer, type Outcome } from './outcome.ts';
import { may, outranks } from './permissions.ts';
import { joinPolicyOf } from './settings.ts';

/** What the door makes an invitation of: it has the secret, the conversation gets the digest. */
export interface InvitationDraft {
  id: string;
  digest: string;
  role: Role;
  expires_at: string | null;
  max_uses: number | null;
}

const Row = z.object({
  id: z.string(),
  digest: z.string(),
  role: Role,
  created_by: z.string(),
  created_at: z.number(),
  expires_at: z.number().nullable(),
  max_uses: z.number().nullable(),
  uses: z.number(),
});
type Row = z.infer<typeof Row>;

/** The answer to every code that does not let in, whatever the reason. */
const NO_INVITATION = refuse('not_found', 'this invitation does not hold, or not any more');

function rows(sql: SqlStorage, where: string, ...bindings: SqlStorageValue[]): Row[] {
  return sql
    .exec(`SELECT * FROM invitations ${where}`, ...bindings)
    .toArray()
    .map((row) => Row.parse(row));
}

/** An invitation is as good as who made it: it holds as long as they may invite, and to a role below their own. */
function holds(conversation: Conversation, row: Row): boolean {
  const { chat, members } = conversation;
  const maker = members.current(row.created_by);
  return (
    maker !== undefined &&
    may(chat.type, maker.role, 'invite', chat.settings.overrides) &&
    (row.role === 'member' || outranks(maker.role, row.role)) &&
    (row.expires_at === null || row.expires_at > conversation.now) &&
    (row.max_uses === null || row.uses < row.max_uses)
  );
}

const toInvitation = (conversation: Conversation, row: Row): Invitation => ({
  id: row.id,
  role: row.role,
  created_by: row.created_by,
  created_at: timestamp(row.created_at),
  expires_at: row.expires_at === null ? null : timestamp(row.expires_at),
  max_uses: row.max_uses,
  uses: row.uses,
  valid: holds(conversation, row),
});

/** Makes an invitation. The same draft again is the same invitation. */
export function createInvitation(
  conversation: Conversation,
  user: string,
  draft: InvitationDraft,
): Result<Outcome<Invitation>> {
  const actor = conversation.actor(user, 'invite');
  if (!actor.ok) return actor;
  const { sql } = conversation;
  if (draft.role !== 'member' && !outranks(actor.value.role, draft.role)) {
    return refuse('forbidden', `as ${actor.value.role} you may not invite anybody as ${draft.role}`);
  }
  if (draft.expires_at !== null && Date.parse(draft.expires_at) <= conversation.now) {
    return refuse('invalid', 'expires_at: is not in the future');
  }
  const [made] = rows(sql, 'WHERE digest = ?', draft.digest);
  if (made !== undefined) return answer(toInvitation(conversation, made));
  const all = rows(sql, '');
  const standing = all.filter((row) => holds(conversation, row));
  if (standing.length >= LIMITS.invitations) {
    return refuse('conflict', `at most ${LIMITS.invitations} invitations stand at once: revoke some`);
  }
  const row: Row = {
    id: draft.id,
    digest: draft.digest,
    role: draft.role,
    created_by: user,
    created_at: conversation.now,
    expires_at: draft.expires_at === null ? null : Date.parse(draft.expires_at),
    max_uses: draft.max_uses,
    uses: 0,
  };
  const commit = conversation.change(() => {
    // Those that do not hold any more make room.
    if (all.length >= LIMITS.invitations) {
      for (const { id } of all) if (!standing.some((one) => one.id === id)) drop(sql, id);
    }
    sql.exec(
      'INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, ?, 0)',
      row.id,
      row.digest,
      row.role,
      user,
      row.created_at,
      row.expires_at,
      row.max_uses,
    );
    const { digest: _digest, ...told } = draft;
    const { id: invitation_id, ...fields } = told;
    return { events: [conversation.append(user, 'invitation.created', { invitation_id, ...fields })], ended: [] };
  });
  return ok({ commit, value: toInvitation(conversation, row) });
}

const drop = (sql: SqlStorage, id: string) => sql.exec('DELETE FROM invitations WHERE id = ?', id);

/** The invitations that are kept, newest first, for those who may invite. */
export function listInvitations(conversation: Conversation, user: string): Result<Outcome<{ items: Invitation[] }>> {
  const actor = conversation.actor(user, 'invite');
  if (!actor.ok) return actor;
  const items = rows(conversation.sql, 'ORDER BY created_at DESC, id DESC').map((row) =>
    toInvitation(conversation, row),
  );
  return answer({ items });
}

/** Takes an invitation back: one's own, or another's for those who outrank who made it. */
export function revokeInvitation(conversation: Conversation, user: string, id: string): Result<Outcome<null>> {
  const actor = conversation.actor(user, 'invite');
  if (!actor.ok) return actor;
  const [row] = rows(conversation.sql, 'WHERE id = ?', id);
  if (row === undefined) return refuse('not_found', 'there is no such invitation');
  const maker = conversation.members.current(row.created_by);
  if (row.created_by !== user && maker !== undefined && !outranks(actor.value.role, maker.role)) {
    return refuse('forbidden', `as ${actor.value.role} you may not revoke what a member who is ${maker.role} has made`);
  }
  const commit = conversation.change(() => {
    drop(conversation.sql, id);
    return { events: [conversation.append(user, 'invitation.revoked', { invitation_id: id })], ended: [] };
  });
  return ok({ commit, value: null });
}

/** The invitation of a code that lets this user in now, or to which they need it no more. */
function usable(conversation: Conversation, user: string, digest: string): Result<Row> {
  if (!conversation.exists) return NO_INVITATION;
  const [row] = rows(conversation.sql, 'WHERE digest = ?', digest);
  if (row === undefined) return NO_INVITATION;
  if (conversation.members.current(user) !== undefined) return ok(row);
  if (!holds(conversation, row) || joinPolicyOf(conversation.chat) === 'closed') return NO_INVITATION;
  // Who is banned learns by no code what is behind it, not even that it is one.
  if (isBanned(conversation.sql, user)) return NO_INVITATION;
  if (conversation.chat.settings.archived_at !== null) {
    return refuse('archived', 'the conversation is archived: nobody joins it');
  }
  return ok(row);
}

/** What an invitation is to, for whoever has its code. */
export function previewInvitation(
  conversation: Conversation,
  user: string,
  digest: string,
): Result<Outcome<InvitationPreview>> {
  const row = usable(conversation, user, digest);
  if (!row.ok) return row;
  const { id, type, name, topic, avatar, workspace_id, member_count } = conversation.describe();
  return answer({
    chat: {
      id,
      type,
      name,
      ...(topic === undefined ? {} : { topic }),
      ...(avatar === undefined ? {} : { avatar }),
      workspace_id,
      member_count,
    },
    role: row.value.role,
    expires_at: row.value.expires_at === null ? null : timestamp(row.value.expires_at),
    member: conversation.members.current(user) !== undefined,
  });
}

/** Comes in by an invitation: the use is counted in the transaction that lets in. Who is in already uses nothing. */
export function redeem(conversation: Conversation, user: string, digest: string): Result<Outcome<Redeemed>> {
  const row = usable(conversation, user, digest);
  if (!row.ok) return row;
  const chat_id = conversation.chat.id;
  const member = conversation.members.current(user);
  if (member !== undefined) return answer({ chat_id, joined: false, member: memberOf(member) });
  const { id, role } = row.value;
  const commit = conversation.change(() => {
    conversation.sql.exec('UPDATE invitations SET uses = uses + 1 WHERE id = ?', id);
    return { events: conversation.membership.admit(user, [user], { role, invitation_id: id }), ended: [] };
  });
  const joined = conversation.members.current(user);
  if (joined === undefined) throw new Error('who was let in is a member');
  return ok({ commit, value: { chat_id, joined: true, member: memberOf(joined) } });
}
