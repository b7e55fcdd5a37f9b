import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addMembers, createChat, deleteChat } from '../../src/chats/directory.ts';
import { database } from '../../src/db/client.ts';
import { findTask, takeDue } from '../../src/db/tasks.ts';
import { ApiError } from '../../src/errors.ts';
import { acceptFriend, blockUser, requestFriend } from '../../src/friends/friends.ts';
import { newId } from '../../src/ids.ts';
import type { CreateChat } from '../../src/protocol/chats.ts';
import { NotificationPage } from '../../src/protocol/notifications.ts';
import { applyChanges, emptyList, itemsOf } from '../../src/protocol/reduce.ts';
import { SyncResponse } from '../../src/protocol/sync.ts';
import { runTask } from '../../src/tasks/perform.ts';
import { DELETION_GRACE_MS } from '../../src/workspaces/grace.ts';
import { createInvitation, redeemInvitation } from '../../src/workspaces/invitations.ts';
import { addWorkspaceMembers, removeWorkspaceMember } from '../../src/workspaces/members.ts';
import {
  createWorkspace,
  deleteDueWorkspaces,
  deleteWorkspace,
  updateWorkspace,
} from '../../src/workspaces/workspaces.ts';
import { faulty } from '../support/interpose.ts';
import { codeOf, inboxOf, newUsers, roomOf, value } from '../support/objects.ts';

/*
 * What a request does in several places, broken off at each of its steps: each call to D1, to an object and to the queue
 * fails once, before it is made and after. Then what was left behind is carried out, and D1, rooms and inboxes agree; the
 * request made again does what it was to do.
 */

const db = database(env);
const now = () => Date.now();
/** Rounds of what the cron does, in which all has to be done. */
const ROUNDS = 5;
const HOUR = 60 * 60 * 1000;

async function people(count: number): Promise<string[]> {
  const ids = newUsers(count);
  await env.DB.prepare(
    `INSERT INTO users (id, email, fullname, created_at, updated_at)
     SELECT value, value || '@example.com', 'x', 0, 0 FROM json_each(?)`,
  )
    .bind(JSON.stringify(ids))
    .run();
  return ids;
}

const create = (on: Env, by: string, fields: Partial<CreateChat>) =>
  createChat(on, by, { type: 'Group', members: [], ...fields }, now());

async function workspaceOf(owner: string, ...members: string[]): Promise<string> {
  const { id } = await createWorkspace(env, owner, { name: 'W' }, now());
  if (members.length > 0) await addWorkspaceMembers(env, id, owner, { user_ids: members, role: 'member' }, now());
  return id;
}

interface Scene {
  people: string[];
  /** What is done, as a request does it. */
  act: (on: Env) => Promise<unknown>;
  /** Whether it has been done. */
  done: () => Promise<boolean>;
}

/** Conversations that somebody's inbox has. */
const heldBy = async (user: string): Promise<string[]> =>
  (await inboxOf(user).inspect({ after: '', limit: 100 })).chats.flatMap((chat) => (chat.gone ? [] : [chat.chat_id]));

/** Notifications that somebody has, and of whom. */
const toldOf = async (user: string): Promise<string[]> =>
  NotificationPage.parse(JSON.parse(value(await inboxOf(user).notifications({ limit: 100 })))).items.flatMap((row) =>
    row.kind === 'system' ? `${row.event} ${row.actor_id}` : `${row.kind} ${row.actor_id}`,
  );

const SCENES: Record<string, () => Promise<Scene>> = {
  'a conversation of a workspace begins': async () => {
    const [ada = '', bob = ''] = await people(2);
    const workspace_id = await workspaceOf(ada, bob);
    return {
      people: [ada, bob],
      act: (on) => create(on, ada, { workspace_id, members: [bob] }),
      done: async () => (await heldBy(bob)).length > 0,
    };
  },
  'a Single begins': async () => {
    const [ada = '', bob = ''] = await people(2);
    return {
      people: [ada, bob],
      act: (on) => create(on, ada, { type: 'Single', members: [bob] }),
      done: async () => (await heldBy(bob)).length === 1,
    };
  },
  'somebody is added': async () => {
    const [ada = '', bob = ''] = await people(2);
    const workspace_id = await workspaceOf(ada, bob);
    const { chat } = await create(env, ada, { workspace_id });
    return {
      people: [ada, bob],
      act: (on) => addMembers(on, chat.id, ada, [bob]),
      done: async () =>
        (await heldBy(bob)).includes(chat.id) &&
        (await toldOf(bob)).filter((row) => row === `invitation ${ada}`).length === 2,
    };
  },
  'a conversation is deleted': async () => {
    const [ada = '', bob = ''] = await people(2);
    const { chat } = await create(env, ada, { members: [bob] });
    return {
      people: [ada, bob],
      act: (on) => deleteChat(on, chat.id, ada, now()),
      done: async () => (await heldBy(bob)).length === 0,
    };
  },
  'somebody is removed from a workspace': async () => {
    const [ada = '', bob = ''] = await people(2);
    const workspace_id = await workspaceOf(ada, bob);
    for (let i = 0; i < 2; i++) await create(env, ada, { workspace_id, members: [bob] });
    return {
      people: [ada, bob],
      act: (on) => removeWorkspaceMember(on, workspace_id, ada, bob, now()),
      done: async () =>
        (await heldBy(bob)).length === 0 && JSON.stringify(await toldOf(bob)) === JSON.stringify([`removed ${ada}`]),
    };
  },
  'somebody comes into a workspace by an invitation': async () => {
    const [ada = '', bob = ''] = await people(2);
    const id = await workspaceOf(ada);
    const { chat } = await create(env, ada, { type: 'PublicChannel', name: 'C', workspace_id: id });
    await updateWorkspace(env, id, ada, { default_chat_ids: [chat.id] }, now());
    const { code } = await createInvitation(env, id, ada, { role: 'member', max_uses: 1 }, now());
    return {
      people: [ada, bob],
      act: (on) => redeemInvitation(on, bob, code ?? '', now()),
      done: async () => (await heldBy(bob)).includes(chat.id),
    };
  },
  'a workspace is deleted': async () => {
    const [ada = '', bob = ''] = await people(2);
    const id = await workspaceOf(ada, bob);
    await create(env, ada, { workspace_id: id, members: [bob] });
    await deleteWorkspace(env, id, ada, now() - DELETION_GRACE_MS - 1);
    return {
      people: [ada, bob],
      act: (on) => deleteDueWorkspaces(on, now()),
      done: async () => (await heldBy(bob)).length === 0,
    };
  },
  'a friend request is accepted': async () => {
    const [ada = '', bob = ''] = await people(2);
    await requestFriend(env, ada, bob, { text: '', source: null }, now());
    return {
      people: [ada, bob],
      act: (on) => acceptFriend(on, bob, ada, now()),
      done: async () =>
        (await contactsOf(ada)).includes(`${bob} friend`) && (await toldOf(ada)).includes(`friend_accepted ${bob}`),
    };
  },
  'somebody is blocked': async () => {
    const [ada = '', bob = ''] = await people(2);
    const { chat } = await create(env, ada, { type: 'Single', members: [bob] });
    const send = () => roomOf(chat.id).send(bob, { client_id: newId('req'), kind: 'text', content: 'x' });
    return {
      people: [ada, bob],
      act: (on) => blockUser(on, ada, bob, now()),
      done: async () => codeOf(await send()) !== 'ok',
    };
  },
};

/** What D1 has of somebody's contacts and workspaces, and what their inbox has. */
async function contactsOf(user: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT peer_id, iif(blocked_at IS NULL, state, state || ' blocked') AS how FROM contacts
     WHERE user_id = ? AND (state <> 'none' OR blocked_at IS NOT NULL) ORDER BY peer_id`,
  )
    .bind(user)
    .all<{ peer_id: string; how: string }>();
  return results.map(({ peer_id, how }) => `${peer_id} ${how}`);
}
async function seatsOf(user: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT workspace_id AS id, role FROM workspace_members JOIN workspaces ON workspaces.id = workspace_id
     WHERE user_id = ? AND deleted_at IS NULL ORDER BY 1`,
  )
    .bind(user)
    .all<{ id: string; role: string }>();
  return results.map(({ id, role }) => `${id} ${role}`);
}
async function rowsOf(user: string): Promise<{ contacts: string[]; seats: string[] }> {
  const answer = SyncResponse.parse(JSON.parse(value(await inboxOf(user).sync({}))));
  const { state } = applyChanges(emptyList, answer);
  return {
    contacts: [...itemsOf(state, 'contact').values()]
      .map((row) => `${row.user_id} ${row.state}${row.blocked ? ' blocked' : ''}`)
      .toSorted(),
    seats: [...itemsOf(state, 'workspace').values()].map((row) => `${row.id} ${row.role}`).toSorted(),
  };
}

/** Where D1, rooms and inboxes disagree about these people and the conversations made after `from`. */
async function differences(users: string[], from: string): Promise<string[]> {
  const found: string[] = [];
  const inside = new Map<string, string[]>(users.map((user) => [user, []]));
  const seats = new Map<string, string[]>();
  for (const user of users) seats.set(user, await seatsOf(user));
  const { results } = await env.DB.prepare('SELECT id, workspace_id, deleted_at FROM chats WHERE id > ? ORDER BY id')
    .bind(from)
    .all<{ id: string; workspace_id: string | null; deleted_at: number | null }>();
  for (const { id, workspace_id, deleted_at } of results) {
    const report = await roomOf(id).inspect({ after: '', limit: 100 });
    // One that was entered into the directory and never began is nobody's.
    if (report === null) continue;
    if (report.deleted !== (deleted_at !== null)) found.push(`${id} is deleted in one place`);
    for (const user of report.deleted ? [] : report.members) {
      inside.get(user)?.push(id);
      const seated = seats.get(user)?.some((seat) => seat.startsWith(`${workspace_id} `));
      if (workspace_id !== null && !seated) found.push(`${user} is in ${id} and not in its workspace`);
    }
  }
  const same = (what: string, one: string[], other: string[]) => {
    if (JSON.stringify(one) !== JSON.stringify(other)) found.push(`${what}: ${one.join()} / ${other.join()}`);
  };
  for (const user of users) {
    same(`conversations of ${user}`, inside.get(user) ?? [], (await heldBy(user)).toSorted());
    const rows = await rowsOf(user);
    same(`contacts of ${user}`, await contactsOf(user), rows.contacts);
    same(`workspaces of ${user}`, seats.get(user) ?? [], rows.seats);
  }
  return found;
}

/** Carries out what was left behind, as cron and queue do. Fails when something is left after so many rounds. */
async function settle(): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { id } of await takeDue(db, now() + 2 * round * HOUR, 100)) {
      const stored = await findTask(db, id);
      if (stored !== undefined) await runTask(env, stored);
    }
  }
  expect(await env.DB.prepare('SELECT count(*) AS n FROM tasks').first('n')).toBe(0);
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.keys(SCENES))('%s', (name) => {
  it.each(['before', 'after'] as const)('with a fault %s each step', { timeout: 120_000 }, async (when) => {
    for (let step = 1; ; step++) {
      expect(step).toBeLessThan(100);
      const from = newId('chat');
      const scene = await SCENES[name]?.();
      if (scene === undefined) throw new Error(`there is no scene ${name}`);
      const broken = faulty(step, when);
      const first = await scene.act(broken.env).then(
        () => 'done',
        () => 'failed',
      );
      await settle();
      const differ = () => differences(scene.people, from);
      await expect.poll(differ, { timeout: 5000, message: `after a fault ${when} step ${step}` }).toEqual([]);
      if (first === 'done') expect([step, await scene.done()]).toEqual([step, true]);
      if (!broken.failed()) break;
      // Made again it is done, or was done the first time.
      await scene.act(env).catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
      });
      await settle();
      await expect.poll(differ, { timeout: 5000, message: `made again after step ${step}` }).toEqual([]);
      expect([step, await scene.done()]).toEqual([step, true]);
    }
  });
});
