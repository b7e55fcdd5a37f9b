import { base64url } from 'jose';
import { timestamp } from '../clock.ts';
import { configOf } from '../config.ts';
import { type Db, database } from '../db/client.ts';
import { insertingIf } from '../db/tasks.ts';
import {
  enteringByInvitation,
  findOffer,
  type InvitationRow,
  invitationExists,
  listInvitations,
  makingInvitation,
  type Offer,
  revokingInvitation,
  usedBy,
  usingInvitation,
} from '../db/workspace-invitations.ts';
import { type Page, type PageOf, versioning } from '../db/workspaces.ts';
import { ApiError } from '../errors.ts';
import { newId } from '../ids.ts';
import { soon } from '../mail/account-mails.ts';
import { LIMITS } from '../protocol/limits.ts';
import type {
  CreateWorkspaceInvitation,
  NewWorkspaceInvitation,
  Workspace,
  WorkspaceInvitation,
  WorkspaceInvitationPreview,
} from '../protocol/workspaces.ts';
import { followUp } from '../tasks/perform.ts';
import { CODE_BYTES, codeOf, digestOf, requireDelivery } from './delivery.ts';
import { entryTasks } from './members.ts';
import { gives, may } from './permissions.ts';
import { getWorkspace, pending, requireSeat } from './workspaces.ts';

/*
 * Invitations into a workspace: a link, good for whoever has it, or one that is bound to an e-mail address, to which its code
 * goes by a task of the same batch. D1 has the code's digest alone. An invitation holds only as long as who made it may still
 * make it.
 */

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long an invitation holds that does not say it. */
const DEFAULT_DAYS = 7;

const newCode = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(CODE_BYTES)));

function toInvitation(row: InvitationRow): WorkspaceInvitation {
  const { id, email, role, created_by, max_uses, uses } = row;
  if (role === 'owner') throw new Error('nobody is invited as an owner');
  const times = { created_at: timestamp(row.created_at), expires_at: timestamp(row.expires_at) };
  return { id, email, role, created_by, max_uses, uses, ...times };
}

/** Makes an invitation. Whether the address has an account changes nothing, here or in the answer. */
export async function createInvitation(
  env: Env,
  id: string,
  userId: string,
  { email, role, expires_at, max_uses }: CreateWorkspaceInvitation,
  now: number,
): Promise<NewWorkspaceInvitation> {
  const db = database(env);
  const seat = await requireSeat(db, id, userId, 'invite');
  if (!gives(seat.role, role)) throw new ApiError('forbidden', `As ${seat.role} you do not invite a ${role}`);
  if (email !== undefined && max_uses != null) {
    throw new ApiError('invalid', 'max_uses: an invitation to an address is good once');
  }
  const expiresAt = expires_at === undefined ? now + DEFAULT_DAYS * DAY_MS : Date.parse(expires_at);
  if (expiresAt <= now || expiresAt > now + LIMITS.invitationDays * DAY_MS) {
    throw new ApiError('invalid', `expires_at: must be in the future, and within ${LIMITS.invitationDays} days`);
  }
  const invitationId = newId('wiv');
  const delivery = email === undefined ? undefined : await requireDelivery(env, db, userId, email, now);
  const code = email === undefined ? newCode() : codeOf(configOf(env), invitationId);
  const row: InvitationRow = {
    id: invitationId,
    workspace_id: id,
    digest: await digestOf(code),
    email: email ?? null,
    role,
    created_by: userId,
    created_at: now,
    expires_at: expiresAt,
    max_uses: email === undefined ? (max_uses ?? null) : 1,
    uses: 0,
    attempt: null,
  };
  const mail = pending({ kind: 'invitation_mail', invitation_id: row.id, at: now });
  const mails = delivery?.mailed ? [mail] : [];
  const [[made]] = await db.batch([
    makingInvitation(db, row, LIMITS.workspaceInvitations),
    ...mails.map((task) => insertingIf(db, task, now, invitationExists(row.id))),
  ]);
  if (made === undefined) {
    await requireSeat(db, id, userId, 'invite');
    throw new ApiError('conflict', `A workspace has at most ${LIMITS.workspaceInvitations} invitations that hold`);
  }
  for (const task of mails) soon(env, task);
  return { ...toInvitation(made), code: delivery === undefined || delivery.shown ? code : null };
}

/** Invitations that hold: one's own, and to those who manage the workspace everybody's. */
export async function invitationsOf(
  env: Env,
  id: string,
  userId: string,
  page: Page,
  now: number,
): Promise<PageOf<WorkspaceInvitation>> {
  const db = database(env);
  const { role } = await requireSeat(db, id, userId, 'invite');
  const madeBy = may(role, 'manage') ? undefined : userId;
  const { items, next_cursor } = await listInvitations(db, id, madeBy, page, now);
  return { items: items.map(toInvitation), next_cursor };
}

/** Throws `not_found` for one that is not there, or is none of the user's who does not manage the workspace. */
export async function revokeInvitation(env: Env, id: string, userId: string, invitationId: string): Promise<void> {
  const db = database(env);
  const { role } = await requireSeat(db, id, userId, 'invite');
  const madeBy = may(role, 'manage') ? undefined : userId;
  const revoked = await revokingInvitation(db, id, invitationId, madeBy);
  if (revoked.length === 0) throw new ApiError('not_found', 'There is no such invitation');
}

/** The same answer whatever is wrong: unknown, revoked, expired, used up, for somebody else. */
const noOffer = () => new ApiError('not_found', 'This invitation does not hold, or is not for you');

async function requireOffer(db: Db, digest: string, userId: string, now: number): Promise<Offer> {
  const offer = await findOffer(db, digest, userId, now);
  if (offer === undefined) throw noOffer();
  return offer;
}

/** What an invitation is to. Throws `not_found`. */
export async function previewInvitation(
  env: Env,
  userId: string,
  code: string,
  now: number,
): Promise<WorkspaceInvitationPreview> {
  const { invitation, workspace, member } = await requireOffer(database(env), await digestOf(code), userId, now);
  const { role, expires_at } = toInvitation(invitation);
  const { id, name, description } = workspace;
  return { workspace: { id, name, description }, role, expires_at, member };
}

/** Comes in by an invitation. Who is in already stays as they are and uses nothing. Throws `not_found`. */
export async function redeemInvitation(env: Env, userId: string, code: string, now: number): Promise<Workspace> {
  const db = database(env);
  const digest = await digestOf(code);
  const { invitation, workspace, member } = await requireOffer(db, digest, userId, now);
  if (member) return getWorkspace(env, workspace.id, userId);
  const attempt = newId('wiv');
  const tasks = entryTasks(workspace.id, userId, [userId], invitation.role, now);
  const [used] = await db.batch([
    usingInvitation(db, digest, userId, attempt, now),
    enteringByInvitation(db, digest, userId, attempt, now),
    versioning(db, workspace.id),
    ...tasks.map((task) => insertingIf(db, task, now, usedBy(attempt, digest))),
  ]);
  // failpoint: workspace.redeemed
  // Somebody took the last use, or the same user was faster on another device.
  if (used.length === 0 && !(await requireOffer(db, digest, userId, now)).member) throw noOffer();
  if (used.length > 0) for (const task of tasks) await followUp(env, task);
  return getWorkspace(env, workspace.id, userId);
}
