import { beforeAll, describe, expect, it } from 'vitest';
import { may as mayThere } from '../../src/conversation/permissions.ts';
import { Role } from '../../src/protocol/chats.ts';
import { WorkspaceRole } from '../../src/protocol/workspaces.ts';
import { gives, may, WORKSPACE_PERMISSIONS, type WorkspaceAction } from '../../src/workspaces/permissions.ts';
import { type Account, signUp } from '../support/api.ts';
import { act, at, invite, newChannel, newWorkspace, outcome, people, remove, seat, setRole } from './support.ts';

/*
 * Who may do what in a workspace, role by action, through the door. What is expected follows from the table; what each action
 * is, stands here.
 */

const ROLES = WorkspaceRole.options;
let owner: Account;
let stranger: Account;
/** One workspace, and one account of each role in it beside its owner. */
let id: string;
const by = new Map<WorkspaceRole, Account>();
const as = (role: WorkspaceRole): Account => {
  const account = by.get(role);
  if (account === undefined) throw new Error(`nobody is ${role}`);
  return account;
};

beforeAll(async () => {
  [owner, stranger] = [await signUp(), await signUp()];
  id = await newWorkspace(owner);
  for (const role of ROLES) {
    const account = await signUp();
    await seat(owner, id, account, role);
    by.set(role, account);
  }
});

/** What somebody does when they do it: the answer's code or status. */
const DEEDS: Record<WorkspaceAction, (who: Account) => Promise<string | number>> = {
  see: (who) => outcome(who, at(id)),
  directory: async (who) => {
    const { body } = await act<{ items?: unknown[]; code?: string }>(who, at(id, '/members'));
    // A guest in no conversation finds themself alone.
    return body.items === undefined ? (body.code ?? '') : body.items.length > 1 ? 200 : 'forbidden';
  },
  create: (who) => outcome(who, '/api/chats', { body: { type: 'Group', workspace_id: id } }),
  invite: (who) => outcome(who, at(id, '/invitations'), { body: {} }),
  update: (who) => outcome(who, at(id), { method: 'PUT', body: { description: 'A place' } }),
  add: async (who) => outcome(who, at(id, '/members'), { body: { user_ids: [(await signUp()).id] } }),
  manage: async (who) => {
    const other = await signUp();
    await seat(owner, id, other, 'member');
    return outcome(who, at(id, `/members/${other.id}`), { method: 'DELETE' });
  },
  // In workspaces of their own, since they end what they need.
  leave: async (who) => elsewhere(who, (place) => outcome(who, at(place, `/members/${who.id}`), { method: 'DELETE' })),
  transfer: async (who) =>
    elsewhere(who, async (place) => {
      const heir = await signUp();
      await seat(owner, place, heir, 'member');
      return outcome(who, at(place, '/transfer'), { body: { user_id: heir.id } });
    }),
  delete: async (who) => elsewhere(who, (place) => outcome(who, at(place), { method: 'DELETE' })),
};

async function elsewhere<T>(who: Account, work: (place: string) => Promise<T>): Promise<T> {
  const place = await newWorkspace(owner);
  const role = ROLES.find((one) => by.get(one) === who);
  if (role !== undefined) await seat(owner, place, who, role);
  return work(place);
}

const ACTIONS = Object.keys(WORKSPACE_PERMISSIONS) as WorkspaceAction[];

describe.each(ROLES)('as %s', (role) => {
  it.each(ACTIONS)('%s', async (action) => {
    const done = await DEEDS[action](as(role));
    if (may(role, action)) expect(done).toBeLessThan(300);
    else expect(done).toBe('forbidden');
  });

  it('give and take roles, and remove, as far as the own role goes', async () => {
    for (const target of ROLES) {
      for (const given of ROLES) {
        const other = await signUp();
        await seat(owner, id, other, target);
        const allowed = may(role, 'manage') && gives(role, target) && gives(role, given);
        const { status, body } = await setRole(as(role), id, other, given);
        expect([target, given, status < 300 ? 'ok' : body.code]).toEqual([target, given, allowed ? 'ok' : 'forbidden']);
        await remove(owner, id, other);
      }
      const other = await signUp();
      await seat(owner, id, other, target);
      const { status } = await remove(as(role), id, other);
      expect([target, status]).toEqual([target, may(role, 'manage') && gives(role, target) ? 204 : 403]);
    }
  }, 60_000);

  it.each(['admin', 'member', 'guest'] as const)('invite a %s', async (given) => {
    const done = await outcome(as(role), at(id, '/invitations'), { body: { role: given } });
    expect(done).toBe(may(role, 'invite') && gives(role, given) ? 201 : 'forbidden');
  });
});

it.each(ACTIONS)('to a stranger the workspace is not there: %s', async (action) => {
  expect(await DEEDS[action](stranger)).toBe('not_found');
});

describe('who may make channels', () => {
  it.each(['everyone', 'admins'] as const)('%s', async (create_channels) => {
    expect((await act(owner, at(id), { method: 'PUT', body: { create_channels } })).status).toBe(200);
    for (const role of ROLES) {
      for (const type of ['Group', 'PrivateChannel', 'PublicChannel']) {
        const allowed =
          may(role, 'create') && (type === 'Group' || create_channels === 'everyone' || may(role, 'manage'));
        const body = { type, name: 'C', workspace_id: id };
        const done = await outcome(as(role), '/api/chats', { body });
        expect([role, type, done]).toEqual([role, type, allowed ? 201 : 'forbidden']);
      }
    }
  });
});

describe.each(['Group', 'PrivateChannel', 'PublicChannel'] as const)('in a %s of the workspace', (type) => {
  it.each(Role.options)('as %s of it, whoever is no guest brings people in as its table says', async (place) => {
    const newcomer = await signUp();
    await seat(owner, id, newcomer, 'member');
    const path = `/api/chats/${await newChannel(owner, id, { type, members: ROLES.map((role) => as(role).id) })}`;
    for (const role of ROLES) {
      if (place === 'member') continue;
      const given = await outcome(owner, `${path}/members/${as(role).id}`, { method: 'PUT', body: { role: place } });
      expect(given).toBe(200);
    }
    for (const role of ROLES) {
      const who = as(role);
      const allowed = (action: 'add' | 'invite') => role !== 'guest' && mayThere(type, place, action);
      const added = await outcome(who, `${path}/members`, { body: { user_ids: [newcomer.id] } });
      expect([role, 'add', added]).toEqual([role, 'add', allowed('add') ? 201 : 'forbidden']);
      if (added === 201) await act(owner, `${path}/members/${newcomer.id}`, { method: 'DELETE' });
      const invited = await outcome(who, `${path}/invitations`, { body: {} });
      expect([role, 'invite', invited]).toEqual([role, 'invite', allowed('invite') ? 201 : 'forbidden']);
      expect([role, await outcome(who, `${path}/messages`, { body: { content: 'x' } })]).toEqual([role, 201]);
    }
  });
});

describe('a guest', () => {
  it('sees the conversations they were added to, and nobody but the people there', async () => {
    const [host, guest, other, far] = (await people(4)) as [Account, Account, Account, Account];
    const place = await newWorkspace(host);
    await seat(host, place, guest, 'guest');
    for (const one of [other, far]) await seat(host, place, one, 'member');
    const open = await newChannel(host, place);
    const joined = await newChannel(host, place, { type: 'PrivateChannel', members: [guest.id, other.id] });

    const path = `/api/chats/${open}`;
    expect(await outcome(guest, path)).toBe('not_found');
    expect(await outcome(far, path)).toBe(200);
    for (const more of ['/messages', '/events', '/members']) {
      expect(await outcome(guest, path + more)).toBe('not_found');
    }
    expect(await outcome(guest, `${path}/members`, { body: { user_ids: [guest.id] } })).toBe('not_found');
    expect(await outcome(guest, `/api/chats/${joined}/members`, { body: { user_ids: [far.id] } })).toBe('forbidden');
    expect(await outcome(other, `/api/chats/${joined}/members`, { body: { user_ids: [far.id] } })).toBe(201);
    await act(host, `/api/chats/${joined}/members/${far.id}`, { method: 'DELETE' });
    expect(await outcome(guest, `/api/chats/${joined}/invitations`, { body: {} })).toBe('forbidden');
    expect(await outcome(guest, `/api/channels?workspace_id=${place}`)).toBe('not_found');
    expect(await outcome(other, `/api/channels?workspace_id=${place}`)).toBe(200);
    expect(await outcome(guest, `${path}/preview`)).toBe('not_found');
    expect(await outcome(guest, `${path}/requests`, { body: {} })).toBe('not_found');

    const seen = async (who: Account, query = '') =>
      (await act<{ items: { user_id: string }[] }>(who, at(place, `/members${query}`))).body.items
        .map(({ user_id }) => user_id)
        .sort();
    expect(await seen(guest)).toEqual([host.id, guest.id, other.id].sort());
    expect(await seen(other)).toEqual([host.id, guest.id, other.id, far.id].sort());
    expect(await seen(guest, '?role=owner')).toEqual([host.id]);
    expect((await act<{ default_chat_ids: string[] }>(guest, at(place))).body.default_chat_ids).toEqual([]);

    // Added to the channel, they are in it like anybody.
    expect(await outcome(host, `${path}/members`, { body: { user_ids: [guest.id] } })).toBe(201);
    expect(await outcome(guest, `${path}/messages`)).toBe(200);
    // Nor do they let anybody in who asks, whatever they are there.
    await act(host, path, { method: 'PUT', body: { join_policy: 'approval' } });
    await act(host, `${path}/members/${guest.id}`, { method: 'PUT', body: { role: 'moderator' } });
    expect(await outcome(far, `${path}/requests`, { body: {} })).toBe(200);
    const decision = { method: 'PUT', body: { decision: 'accept' } };
    expect(await outcome(guest, `${path}/requests/${far.id}`, decision)).toBe('forbidden');
    expect(await outcome(host, `${path}/requests/${far.id}`, decision)).toBe(200);
  });

  it('reads the directory by pages, each person once', async () => {
    const [host, guest, ...others] = (await people(7)) as [Account, Account, ...Account[]];
    const place = await newWorkspace(host);
    await seat(host, place, guest, 'guest');
    for (const one of others) await seat(host, place, one, 'member');
    const half = (from: number) => others.slice(from, from + 3).map((one) => one.id);
    for (const from of [0, 2]) {
      await newChannel(host, place, { type: 'Group', members: [guest.id, ...half(from)] });
    }
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '?limit=2' : `?limit=2&cursor=${cursor}`;
      const { body } = await act<{ items: { user_id: string }[]; next_cursor: string | null }>(
        guest,
        at(place, `/members${query}`),
      );
      found.push(...body.items.map(({ user_id }) => user_id));
      cursor = body.next_cursor;
    }
    expect(found).toEqual([host, guest, ...others].map((one) => one.id).sort());
  });

  it('does not share the workspace with those who want only such to write to them', async () => {
    const [host, guest, member] = (await people(3)) as [Account, Account, Account];
    const place = await newWorkspace(host);
    await seat(host, place, guest, 'guest');
    await seat(host, place, member, 'member');
    await act(host, '/api/users/me/privacy', { method: 'PUT', body: { messages: 'workspace' } });
    const single = { body: { type: 'Single', members: [host.id] } };
    expect(await outcome(guest, '/api/chats', single)).toBe('forbidden');
    expect(await outcome(member, '/api/chats', single)).toBe(201);
  });
});

describe('the directory', () => {
  it('is searched by the beginning of a handle or of a word of the name', async () => {
    const host = await signUp({ fullname: 'Grace Hopper' });
    const place = await newWorkspace(host);
    const ada = await signUp({ fullname: 'Ada Lovelace' });
    const odd = await signUp({ fullname: '100% Élodie' });
    for (const one of [ada, odd]) await seat(host, place, one, 'member');
    const found = async (q: string) => {
      const { body } = await act<{ items: { fullname: string }[] }>(
        host,
        at(place, `/members?q=${encodeURIComponent(q)}`),
      );
      return body.items.map(({ fullname }) => fullname).sort();
    };
    expect(await found('love')).toEqual(['Ada Lovelace']);
    expect(await found('ADA')).toEqual(['Ada Lovelace']);
    expect(await found('éL')).toEqual(['100% Élodie']);
    expect(await found('%')).toEqual([]);
    expect(await found('100%')).toEqual(['100% Élodie']);
    expect(await found('pper')).toEqual([]);
    expect(await found('')).toHaveLength(3);
  });
});

it('shows invitations to who made them and to those who manage, and revokes them likewise', async () => {
  const place = await newWorkspace(owner);
  const [one, two] = [as('member'), as('admin')];
  await seat(owner, place, one, 'member');
  await seat(owner, place, two, 'member');
  const made = await invite(one, place);
  const listed = async (who: Account) =>
    (await act<{ items: { id: string }[] }>(who, at(place, '/invitations'))).body.items.map((item) => item.id);
  expect([await listed(one), await listed(two), await listed(owner)]).toEqual([[made.id], [], [made.id]]);
  const revoke = (who: Account) => outcome(who, at(place, `/invitations/${made.id}`), { method: 'DELETE' });
  expect(await revoke(two)).toBe('not_found');
  expect(await revoke(owner)).toBe(204);
  expect(await listed(one)).toEqual([]);
});
