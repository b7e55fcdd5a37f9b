import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Chat } from '../../src/protocol/chats.ts';
import type { Change } from '../../src/protocol/sync.ts';
import { sweep } from '../../src/tasks/background.ts';
import { DELETION_GRACE_MS } from '../../src/workspaces/grace.ts';
import { addWorkspaceMembers, removeWorkspaceMember } from '../../src/workspaces/members.ts';
import { deleteDueWorkspaces, updateWorkspace } from '../../src/workspaces/workspaces.ts';
import type { Account } from '../support/api.ts';
import { beforeBatch, interposed } from '../support/interpose.ts';
import { inboxOf, roomOf } from '../support/objects.ts';
import { openSocket } from '../support/socket.ts';
import {
  act,
  at,
  invite,
  isIn,
  newChannel,
  newWorkspace,
  outcome,
  people,
  redeem,
  remove,
  roles,
  rowOf,
  seat,
  setRole,
  settle,
  sync,
  transfer,
  update,
  without,
  withoutWrites,
  write,
} from './support.ts';

const two = async (): Promise<[Account, Account]> => (await people(2)) as [Account, Account];
const three = async (): Promise<[Account, Account, Account]> => (await people(3)) as [Account, Account, Account];

afterEach(() => {
  vi.restoreAllMocks();
});

describe('an invitation by link', () => {
  it('lets in whoever has it, with its role, once each', async () => {
    const [owner, one, other] = await three();
    const id = await newWorkspace(owner);
    const { code, uses } = await invite(owner, id, { role: 'guest', max_uses: 2 });
    expect(uses).toBe(0);
    const look = await act(one, '/api/workspace-invitations/preview', { body: { code } });
    expect(look.body).toMatchObject({ workspace: { id, name: 'Harbour' }, role: 'guest', member: false });
    expect((await redeem(one, code)).body).toMatchObject({ id, role: 'guest' });
    expect((await redeem(one, code)).status).toBe(200);
    expect((await redeem(other, code)).status).toBe(200);
    expect((await redeem((await two())[0], code)).status).toBe(404);
    expect(await roles(id)).toEqual({ [owner.id]: 'owner', [one.id]: 'guest', [other.id]: 'guest' });
    // What is used up is still one's own way in.
    expect((await redeem(one, code)).status).toBe(200);
  });

  it('is never used more often than it may be, however many come at once', async () => {
    const [owner, ...crowd] = (await people(13)) as [Account, ...Account[]];
    const id = await newWorkspace(owner);
    const { code } = await invite(owner, id, { max_uses: 5 });
    const answers = await Promise.all(crowd.flatMap((who) => [redeem(who, code), redeem(who, code)]));
    const came = answers.filter(({ status }) => status === 200);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(answers.length - came.length);
    expect(Object.keys(await roles(id))).toHaveLength(1 + 5);
    const { uses } = (await env.DB.prepare('SELECT uses FROM workspace_invitations WHERE workspace_id = ?')
      .bind(id)
      .first<{ uses: number }>()) ?? { uses: -1 };
    expect(uses).toBe(5);
  });

  it('does not hold once it is revoked or expired, or its maker may make it no more', async () => {
    const [owner, maker, guest] = await three();
    const id = await newWorkspace(owner);
    await seat(owner, id, maker, 'member');
    const revoked = await invite(maker, id);
    expect(await outcome(maker, at(id, `/invitations/${revoked.id}`), { method: 'DELETE' })).toBe(204);
    expect((await redeem(guest, revoked.code)).status).toBe(404);

    const expired = await invite(maker, id);
    await env.DB.prepare('UPDATE workspace_invitations SET expires_at = ? WHERE id = ?')
      .bind(Date.now() - 1, expired.id)
      .run();
    expect((await redeem(guest, expired.code)).status).toBe(404);

    const kept = await invite(maker, id);
    await setRole(owner, id, maker, 'guest');
    expect((await redeem(guest, kept.code)).status).toBe(404);
    await remove(owner, id, maker);
    expect((await redeem(guest, kept.code)).status).toBe(404);
    await seat(owner, id, maker, 'member');
    expect((await redeem(guest, kept.code)).status).toBe(200);
  });

  it('is kept as a digest', async () => {
    const [owner] = await two();
    const { code } = await invite(owner, await newWorkspace(owner));
    expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
    const { results } = await env.DB.prepare('SELECT * FROM workspace_invitations').all();
    expect(JSON.stringify(results)).not.toContain(code);
  });
});

describe('an invitation to an address', () => {
  it('is for the account with this address alone, once', async () => {
    const [owner, invited, other] = await three();
    const id = await newWorkspace(owner);
    const { code, email, max_uses } = await invite(owner, id, { email: invited.email.toUpperCase() });
    expect([email, max_uses]).toEqual([invited.email, 1]);
    expect((await redeem(other, code)).status).toBe(404);
    expect((await act(other, '/api/workspace-invitations/preview', { body: { code } })).status).toBe(404);
    expect((await redeem(invited, code)).status).toBe(200);
    await remove(owner, id, invited);
    expect((await redeem(invited, code)).status).toBe(404);
  });

  it('does not tell whether the address has an account, or is of a member', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    const shape = async (email: string) => {
      const { status, body } = await act<object>(owner, at(id, '/invitations'), { body: { email } });
      return [status, Object.keys(body)];
    };
    expect(await shape('nobody@example.com')).toEqual(await shape(member.email));
  });

  it('is refused where no mail would bring it', async () => {
    const [owner] = await two();
    const id = await newWorkspace(owner);
    const { createInvitation } = await import('../../src/workspaces/invitations.ts');
    const made = createInvitation(
      { ...env, ENVIRONMENT: 'production' },
      id,
      owner.id,
      { email: 'ada@example.com', role: 'member' },
      Date.now(),
    );
    await expect(made).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('ownership', () => {
  it('goes over whole: two hand over at once, and there is always an owner', async () => {
    const [ann, bob, cleo] = await three();
    const id = await newWorkspace(ann);
    await seat(ann, id, bob, 'owner');
    await seat(ann, id, cleo, 'member');
    await Promise.all([transfer(ann, id, bob), transfer(bob, id, ann), transfer(ann, id, cleo)]);
    const held = await roles(id);
    const owners = Object.entries(held).flatMap(([who, role]) => (role === 'owner' ? [who] : []));
    expect(owners.length).toBeGreaterThan(0);
    const { body } = await act<{ owner_id: string }>(cleo, at(id));
    expect(owners).toContain(body.owner_id);
  });

  it('is handed over once by one owner, whoever of two is named', async () => {
    const [ann, bob, cleo] = await three();
    const id = await newWorkspace(ann);
    for (const one of [bob, cleo]) await seat(ann, id, one, 'member');
    const answers = await Promise.all([transfer(ann, id, bob), transfer(ann, id, cleo)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
    const held = await roles(id);
    expect(Object.values(held).sort()).toEqual(['admin', 'member', 'owner']);
    expect(held[ann.id]).toBe('admin');
  });

  it('stays with somebody: of two owners who leave or step down at once, one stays', async () => {
    for (const end of [
      (who: Account, id: string) => remove(who, id, who),
      (who: Account, id: string) => setRole(who, id, who, 'member'),
    ]) {
      const [ann, bob] = await two();
      const id = await newWorkspace(ann);
      await seat(ann, id, bob, 'owner');
      const answers = await Promise.all([end(ann, id), end(bob, id)]);
      expect(answers.map(({ status }) => status).filter((status) => status === 409)).toHaveLength(1);
      expect(Object.values(await roles(id)).filter((role) => role === 'owner')).toHaveLength(1);
    }
  });

  it('is decided anew when another is faster: who is no admin any more removes nobody', async () => {
    const [owner, admin, member] = await three();
    const id = await newWorkspace(owner);
    await seat(owner, id, admin, 'admin');
    await seat(owner, id, member, 'member');
    const racing = beforeBatch(() => setRole(owner, id, admin, 'member'));
    await expect(removeWorkspaceMember(racing, id, admin.id, member.id, Date.now())).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect((await roles(id))[member.id]).toBe('member');
  });

  it('names another owner when the named one is none any more, on every device', async () => {
    const [ann, bob] = await two();
    const id = await newWorkspace(ann);
    await seat(ann, id, bob, 'owner');
    expect((await rowOf(bob, id))?.owner_id).toBe(ann.id);
    await setRole(ann, id, ann, 'admin');
    await settle();
    expect(await rowOf(bob, id)).toMatchObject({ owner_id: bob.id, role: 'owner' });
    expect(await rowOf(ann, id)).toMatchObject({ owner_id: bob.id, role: 'admin' });
  });
});

describe('default channels', () => {
  it('are public channels of the workspace, and nothing else', async () => {
    const [owner, other] = await two();
    const [id, elsewhere] = [await newWorkspace(owner), await newWorkspace(other)];
    const hidden = await newChannel(owner, id, { type: 'PrivateChannel' });
    const foreign = await newChannel(other, elsewhere);
    for (const chat of [hidden, foreign]) {
      expect((await update(owner, id, { default_chat_ids: [chat] })).body.code).toBe('invalid');
    }
  });

  it('are entered by new members, however they come, and not by guests', async () => {
    const [owner, added, linked] = await three();
    const [guest, risen] = await two();
    const id = await newWorkspace(owner);
    const chats = [await newChannel(owner, id), await newChannel(owner, id)];
    expect((await update(owner, id, { default_chat_ids: chats })).body.default_chat_ids).toEqual(chats);
    await seat(owner, id, added, 'member');
    await redeem(linked, (await invite(owner, id)).code);
    for (const one of [guest, risen]) await seat(owner, id, one, 'guest');
    await setRole(owner, id, risen, 'member');
    for (const chat of chats) {
      expect(await Promise.all([added, linked, guest, risen].map((who) => isIn(who, chat)))).toEqual([
        true,
        true,
        false,
        true,
      ]);
    }
  });

  it('are entered by a guest who becomes an owner, by a role or by a hand-over', async () => {
    const [owner, risen, heir] = await three();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await update(owner, id, { default_chat_ids: [chat] });
    for (const one of [risen, heir]) await seat(owner, id, one, 'guest');
    expect((await setRole(owner, id, risen, 'owner')).status).toBe(200);
    expect((await transfer(owner, id, heir)).status).toBe(200);
    expect([await isIn(risen, chat), await isIn(heir, chat)]).toEqual([true, true]);
    expect([(await rowOf(risen, id))?.role, (await rowOf(heir, id))?.role]).toEqual(['owner', 'owner']);
  });

  it('are not entered again by who left one and is added once more', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await update(owner, id, { default_chat_ids: [chat] });
    await seat(owner, id, member, 'member');
    await act(member, `/api/chats/${chat}/members/${member.id}`, { method: 'DELETE' });
    const both = { user_ids: [member.id, (await two())[0].id] };
    expect((await act<{ items: unknown[] }>(owner, at(id, '/members'), { body: both })).body.items).toHaveLength(2);
    expect(await isIn(member, chat)).toBe(false);
  });

  it('keep out who is banned from them, and take nobody in once archived', async () => {
    const [owner, banned, late] = await three();
    const id = await newWorkspace(owner);
    const [open, shut] = [await newChannel(owner, id), await newChannel(owner, id)];
    await update(owner, id, { default_chat_ids: [open, shut] });
    await seat(owner, id, banned, 'member');
    expect(await outcome(owner, `/api/chats/${open}/bans/${banned.id}`, { method: 'PUT', body: {} })).toBe(200);
    expect(await outcome(owner, `/api/chats/${shut}`, { method: 'PUT', body: { archived: true } })).toBe(200);
    await remove(owner, id, banned);
    for (const one of [banned, late]) await seat(owner, id, one, 'member');
    expect([await isIn(banned, open), await isIn(late, open), await isIn(late, shut)]).toEqual([false, true, false]);
  });

  it('are entered later when rooms are out of reach', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await update(owner, id, { default_chat_ids: [chat] });
    const added = { user_ids: [member.id], role: 'member' as const };
    expect((await addWorkspaceMembers(without('ROOMS'), id, owner.id, added, Date.now())).items).toHaveLength(1);
    expect(await isIn(member, chat)).toBe(false);
    await settle();
    expect(await isIn(member, chat)).toBe(true);
  });

  it('let go of who is removed while they enter', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await update(owner, id, { default_chat_ids: [chat] });
    const racing = interposed('ROOMS', 'enroll', () => remove(owner, id, member));
    await addWorkspaceMembers(racing, id, owner.id, { user_ids: [member.id], role: 'member' }, Date.now());
    await settle();
    expect(await roomOf(chat).describe(member.id)).toMatchObject({ value: { member: false } });
    expect(await isIn(member, chat)).toBe(false);
  });
});

describe('a member who is removed', () => {
  it('is out of every conversation, a guest likewise, and the inbox knows', async () => {
    const [owner, member, guest] = await three();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    await seat(owner, id, guest, 'guest');
    const chat = await newChannel(owner, id, { type: 'PrivateChannel', members: [member.id, guest.id] });
    for (const who of [member, guest]) {
      const held = await sync(who);
      expect(await rowOf(who, id, held)).toBeDefined();
      expect((await remove(owner, id, who)).status).toBe(204);
      expect(await outcome(who, `/api/chats/${chat}`)).toBe('not_found');
      expect(await outcome(who, at(id))).toBe('not_found');
      expect(await rowOf(who, id, held)).toBeUndefined();
    }
  });
});

describe('retention', () => {
  const timerOf = async (who: Account, chat: string) =>
    (await act<Chat>(who, `/api/chats/${chat}`)).body.retention?.message_timer;
  const DAY = 24 * 60 * 60;

  it('reaches the rooms there are and those that come, is no longer than it says, and ends', async () => {
    const [owner] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    const timer = (message_timer: number | null) =>
      outcome(owner, `/api/chats/${chat}/retention`, { method: 'PUT', body: { message_timer } });
    await timer(60 * DAY);
    await update(owner, id, { retention_days: 30 });
    await settle();
    const later = await newChannel(owner, id);
    expect([await timerOf(owner, chat), await timerOf(owner, later)]).toEqual([30 * DAY, 30 * DAY]);
    expect([await timer(null), await timer(31 * DAY), await timer(DAY)]).toEqual(['forbidden', 'forbidden', 200]);
    await evictDurableObject(roomOf(chat));
    expect(await timer(null)).toBe('forbidden');
    await update(owner, id, { retention_days: null });
    await settle();
    expect([await timerOf(owner, chat), await timerOf(owner, later)]).toEqual([DAY, null]);
    expect(await timer(null)).toBe(200);
  });

  it('told late does not undo what came after', async () => {
    const [owner] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await update(owner, id, { retention_days: 7 });
    await settle();
    await roomOf(chat).limitRetention({ seconds: null, version: 1 });
    expect(await timerOf(owner, chat)).toBe(7 * DAY);
  });

  it('reaches a room that could not be reached, later', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [owner] = await two();
    const id = await newWorkspace(owner);
    const chat = await newChannel(owner, id);
    await updateWorkspace(without('ROOMS'), id, owner.id, { retention_days: 3 }, Date.now());
    expect(await timerOf(owner, chat)).toBeNull();
    await settle();
    expect(await timerOf(owner, chat)).toBe(3 * DAY);
  });
});

describe('deletion', () => {
  it('comes after its time of grace, at which nothing is left', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    const chat = await newChannel(owner, id, { members: [member.id] });
    const started = Date.now();
    const { deleting_at } = (await act<{ deleting_at: string }>(owner, at(id), { method: 'DELETE' })).body;
    const due = Date.parse(deleting_at);
    expect(due).toBeGreaterThanOrEqual(started + DELETION_GRACE_MS);
    await settle();
    expect((await rowOf(member, id))?.deleting_at).toBe(deleting_at);
    await sweep(env, due - 1);
    expect((await write(member, chat)).status).toBe(201);
    const held = await sync(member);
    await deleteDueWorkspaces(env, due);
    expect(await outcome(owner, at(id))).toBe('not_found');
    expect(await outcome(owner, at(id, '/restore'), { method: 'POST' })).toBe('not_found');
    await settle();
    expect(await outcome(member, `/api/chats/${chat}`)).toBe('not_found');
    expect(await rowOf(member, id, held)).toBeUndefined();
    expect(await roles(id)).toEqual({});
  });

  it('that is taken back does not come, not even at the last moment', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    const restore = () => act(owner, at(id, '/restore'), { method: 'POST' });
    await act(owner, at(id), { method: 'DELETE' });
    expect((await restore()).body).toMatchObject({ deleting_at: null });
    const later = Date.now() + 2 * DELETION_GRACE_MS;
    await deleteDueWorkspaces(env, later);
    expect(await outcome(member, at(id))).toBe(200);
    await act(owner, at(id), { method: 'DELETE' });
    await deleteDueWorkspaces(beforeBatch(restore), later);
    await settle();
    expect(await outcome(member, at(id))).toBe(200);
    expect(await rowOf(member, id)).toMatchObject({ deleting_at: null });
  });
});

describe('the rows in the inbox', () => {
  it('come to a second device as they change, and to one that was away by its cursor', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    const held = await sync(member);
    const device = await openSocket('/api/ws', member.token);
    await device.next('inbox');
    const next = async () => {
      const ofWorkspaces = (changes: Change[]) => changes.filter(({ type }) => type === 'workspace');
      return ofWorkspaces((await device.next('inbox', ({ changes }) => ofWorkspaces(changes).length > 0)).changes);
    };
    await seat(owner, id, member, 'member');
    expect(await next()).toMatchObject([{ type: 'workspace', id, value: { role: 'member' } }]);
    await setRole(owner, id, member, 'admin');
    expect(await next()).toMatchObject([{ type: 'workspace', id, value: { role: 'admin' } }]);
    await update(owner, id, { name: 'Pier' });
    expect(await next()).toMatchObject([{ type: 'workspace', id, value: { name: 'Pier' } }]);
    device.close();
    await evictDurableObject(inboxOf(member.id));
    expect(await rowOf(member, id, held)).toMatchObject({ name: 'Pier', role: 'admin' });
    expect(await rowOf(owner, id)).toMatchObject({ name: 'Pier', role: 'owner' });
  });

  it('follow somebody who leaves and comes back', async () => {
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    for (let round = 0; round < 3; round++) {
      await seat(owner, id, member, 'member');
      expect((await rowOf(member, id))?.role).toBe('member');
      await remove(member, id, member);
      expect(await rowOf(member, id)).toBeUndefined();
    }
  });

  it('are told later when inboxes are out of reach, and are none when D1 takes no change', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    await updateWorkspace(without('INBOXES'), id, owner.id, { name: 'Quay' }, Date.now());
    expect((await rowOf(member, id))?.name).toBe('Harbour');
    await settle();
    expect((await rowOf(member, id))?.name).toBe('Quay');
    const lost = updateWorkspace(withoutWrites(), id, owner.id, { name: 'Nowhere' }, Date.now());
    await expect(lost).rejects.toThrow();
    await removeWorkspaceMember(without('INBOXES'), id, owner.id, member.id, Date.now());
    expect((await rowOf(member, id))?.name).toBe('Quay');
    await settle();
    expect(await rowOf(member, id)).toBeUndefined();
    expect((await rowOf(owner, id))?.name).toBe('Quay');
  });

  it('lead out of the rooms later when they are out of reach', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const [owner, member] = await two();
    const id = await newWorkspace(owner);
    await seat(owner, id, member, 'member');
    const chat = await newChannel(owner, id, { members: [member.id] });
    await expect(removeWorkspaceMember(without('ROOMS'), id, owner.id, member.id, Date.now())).rejects.toThrow();
    expect(await isIn(member, chat)).toBe(true);
    await settle();
    expect(await isIn(member, chat)).toBe(false);
    expect(await rowOf(member, id)).toBeUndefined();
  });
});
