import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from '../../test/chaos/checker/history.ts';
import { type Account, type Answered, field, textOf } from './account.ts';
import type { Acked } from './recorder.ts';

/*
 * What users do beside sending and reading: by requests, through whatever goes wrong meanwhile. What can be asked for again is, by
 * the same name, as a client does that was not answered.
 */

export interface Stage {
  /** Owns all conversations and the workspace. */
  readonly owner: Account;
  readonly users: readonly Account[];
  readonly workspace: string;
  /** The latest acknowledged messages of a conversation. */
  acked(chat: string): readonly Acked[];
  /** A name that nothing else has. */
  unique(): string;
  /** A request that is an operation of the history. undefined: nothing is known of what it did. */
  perform(who: Account, call: Call, method: string, path: string, body?: unknown): Promise<Answered | undefined>;
}

/** Somebody, somewhere, and a number for whatever else is to be chosen. */
export interface Scene {
  who: Account;
  chat: string;
  pick: number;
}

type Feature = (stage: Stage, scene: Scene) => Promise<unknown>;

const TRIES = 12;
/** How long messages last that vanish, in seconds, and how long a conversation has them vanish, in ms. */
export const TIMER = { seconds: 2, lasts: 2500 } as const;

const other = (what: string): Call => ({ do: 'other', what });
const at = <T>(list: readonly T[], index: number): T | undefined =>
  list.length === 0 ? undefined : list[index % list.length];

/** Asks again as long as it is not known what became of it. */
export async function insist(ask: () => Promise<Answered | undefined>): Promise<Answered | undefined> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    if (answer !== undefined && answer.status < 500 && answer.status !== 429) return answer;
    if (tries >= TRIES) return undefined;
    await delay(Math.min(1000, 200 * tries));
  }
}

/** Somebody else than `who` and the owner, who has to be able to add everybody. */
const peerOf = ({ users, owner }: Stage, { who, pick }: Scene): Account | undefined =>
  at(
    users.filter((user) => user !== who && user !== owner),
    pick,
  );

type What = Extract<Call, { do: 'change' }>['what'];
/** A change of one of the latest messages: by its sender, by the owner, or by anybody. */
function change(
  what: What,
  by: 'sender' | 'owner' | 'anybody',
  request: (chat: string, seq: number) => [method: string, path: string],
): Feature {
  return async (stage, { who, chat, pick }) => {
    const message = at(stage.acked(chat), pick);
    if (message === undefined) return;
    const sender = stage.users.find(({ id }) => id === message.user);
    const actor = by === 'sender' ? sender : by === 'owner' ? stage.owner : who;
    if (actor === undefined) return;
    const [method, path] = request(`/api/chats/${chat}`, message.seq);
    const name = stage.unique();
    const body = what === 'edit' ? { client_id: name, content: `edited ${name} 🌊` } : undefined;
    const call: Call = { do: 'change', chat, target: message.seq, what };
    await insist(() => stage.perform(actor, call, method, path, body));
  };
}

const EMOJI = encodeURIComponent('👍');

async function send(stage: Stage, who: Account, chat: string, content: string, rest: object): Promise<number> {
  const client_id = stage.unique();
  const call: Call = { do: 'send', chat, client_id, content };
  const body = { client_id, content, ...rest };
  const answer = await insist(() => stage.perform(who, call, 'POST', `/api/chats/${chat}/messages`, body));
  return Number(field(answer?.body, 'seq') ?? 0);
}

async function redeem(stage: Stage, path: string, answer: Answered | undefined, uses: number, pick: number) {
  const [code, invitation] = [textOf(answer?.body, 'code'), textOf(answer?.body, 'id')];
  if (code === '') return;
  const comers = Array.from({ length: uses + 2 }, (_, index) => at(stage.users, pick + index));
  const call: Call = { do: 'redeem', invitation, uses };
  await Promise.all(
    comers.map(async (user) => user && insist(() => stage.perform(user, call, 'POST', path, { code }))),
  );
}

export const FEATURES = {
  edit: change('edit', 'sender', (chat, seq) => ['PATCH', `${chat}/messages/${seq}`]),
  recall: change('recall', 'sender', (chat, seq) => ['DELETE', `${chat}/messages/${seq}`]),
  react: change('react', 'anybody', (chat, seq) => ['PUT', `${chat}/messages/${seq}/reactions/${EMOJI}`]),
  unreact: change('unreact', 'anybody', (chat, seq) => ['DELETE', `${chat}/messages/${seq}/reactions/${EMOJI}`]),
  pin: change('pin', 'owner', (chat, seq) => ['PUT', `${chat}/pins/${seq}`]),
  unpin: change('unpin', 'owner', (chat, seq) => ['DELETE', `${chat}/pins/${seq}`]),

  poll: async (stage, { who, chat, pick }) => {
    const seq = await send(stage, who, chat, 'high or low?', { kind: 'poll', poll: { options: ['high', 'low'] } });
    if (seq === 0) return;
    const path = `/api/chats/${chat}/messages/${seq}/poll`;
    const voters = stage.users.slice(0, 6);
    await Promise.all(
      voters.map((user, i) =>
        insist(() => stage.perform(user, other('vote'), 'PUT', `${path}/vote`, { options: [(pick + i) % 2] })),
      ),
    );
    if (pick % 2 === 0) await insist(() => stage.perform(who, other('close the poll'), 'POST', `${path}/close`));
  },

  'send-later': async (stage, { who, chat, pick }) => {
    const send_at = new Date(Date.now() + 300 + (pick % 2000)).toISOString();
    const path = `/api/chats/${chat}/scheduled/${stage.unique()}`;
    const body = { send_at, message: { content: 'later' } };
    await insist(() => stage.perform(who, other('send later'), 'PUT', path, body));
  },

  vanish: async (stage, { chat }) => {
    await setTimer(stage, chat, TIMER.seconds);
    await delay(TIMER.lasts);
    await setTimer(stage, chat, null);
  },

  file: async (stage, { who, chat, pick }) => {
    // Some are alike: their bytes are kept once.
    const bytes = new TextEncoder().encode(JSON.stringify(pick % 3 === 0 ? 'alike' : stage.unique()));
    const id = pick % 2 === 0 ? await uploadAtOnce(stage, who, bytes) : await uploadInParts(stage, who, bytes);
    if (id === '') return;
    const link = other('have a ticket');
    const path = `/api/chats/${chat}/files`;
    const linked = await insist(() => stage.perform(who, link, 'POST', path, { file_id: id }));
    const ticket = textOf(linked?.body, 'ticket');
    if (ticket !== '') await send(stage, who, chat, 'a file', { kind: 'file', files: [ticket] });
  },

  invite: async (stage, { chat, pick }) => {
    const uses = 1 + (pick % 3);
    const path = `/api/chats/${chat}/invitations`;
    const answer = await stage.perform(stage.owner, other('invite'), 'POST', path, { max_uses: uses });
    await redeem(stage, '/api/invitations/redeem', answer, uses, pick);
  },

  ban: async (stage, { who, chat, pick }) => {
    if (who === stage.owner) return;
    const path = `/api/chats/${chat}/bans/${who.id}`;
    await insist(() => stage.perform(stage.owner, other('ban'), 'PUT', path, {}));
    await delay(pick % 2000);
    await insist(() => stage.perform(stage.owner, other('unban'), 'DELETE', path));
  },

  'workspace-invite': async (stage, { pick }) => {
    const path = `/api/workspaces/${stage.workspace}/invitations`;
    const answer = await stage.perform(stage.owner, other('invite into the workspace'), 'POST', path, { max_uses: 2 });
    await redeem(stage, '/api/workspace-invitations/redeem', answer, 2, pick);
  },

  'workspace-add': async (stage, { who }) => {
    const path = `/api/workspaces/${stage.workspace}/members`;
    const body = { user_ids: [who.id] };
    await insist(() => stage.perform(stage.owner, other('add to the workspace'), 'POST', path, body));
  },

  'workspace-remove': async (stage, { who }) => {
    if (who === stage.owner) return;
    const path = `/api/workspaces/${stage.workspace}/members/${who.id}`;
    await insist(() => stage.perform(stage.owner, other('remove from the workspace'), 'DELETE', path));
  },

  'workspace-change': async (stage, { pick }) => {
    const body = { name: `Tides ${pick}`, retention_days: pick % 2 === 0 ? null : 30 };
    const path = `/api/workspaces/${stage.workspace}`;
    await insist(() => stage.perform(stage.owner, other('change the workspace'), 'PUT', path, body));
  },

  befriend: async (stage, scene) => {
    const [who, peer] = [scene.who, peerOf(stage, scene)];
    if (peer === undefined) return;
    const ask = (from: Account, to: Account) =>
      insist(() => stage.perform(from, other('ask a friend'), 'POST', '/api/friend-requests', { user_id: to.id }));
    await Promise.all([ask(who, peer), scene.pick % 2 === 0 ? ask(peer, who) : undefined]);
    if (scene.pick % 3 !== 0) return;
    await insist(() => stage.perform(who, other('end a friendship'), 'DELETE', `/api/friends/${peer.id}`));
  },

  block: async (stage, scene) => {
    const [who, peer] = [scene.who, peerOf(stage, scene)];
    if (peer === undefined) return;
    const path = `/api/blocks/${peer.id}`;
    const single = { type: 'Single', members: [who.id] };
    await Promise.all([
      insist(() => stage.perform(peer, other('begin a Single'), 'POST', '/api/chats', single)),
      insist(() => stage.perform(who, other('block'), 'PUT', path)),
    ]);
    if (scene.pick % 2 === 0) await insist(() => stage.perform(who, other('unblock'), 'DELETE', path));
  },

  privacy: async (stage, { who, pick }) => {
    const body = { last_seen: pick % 2 === 0 ? 'friends' : 'everyone' };
    await insist(() => stage.perform(who, other('set privacy'), 'PUT', '/api/users/me/privacy', body));
  },
} satisfies Record<string, Feature>;
export type FeatureName = keyof typeof FEATURES;

/** What is left of a run: no conversation has messages vanish from here on. */
export const setTimer = ({ perform, owner }: Stage, chat: string, seconds: number | null) => {
  const call: Call = { do: 'timer', chat, seconds };
  return insist(() => perform(owner, call, 'PUT', `/api/chats/${chat}/retention`, { message_timer: seconds }));
};

async function uploadAtOnce(stage: Stage, who: Account, bytes: Uint8Array): Promise<string> {
  const path = '/api/uploads?name=tides.json';
  const answer = await insist(() => stage.perform(who, other('upload'), 'POST', path, bytes));
  return answer?.status === 201 ? textOf(answer.body, 'id') : '';
}

async function uploadInParts(stage: Stage, who: Account, bytes: Uint8Array): Promise<string> {
  const begin = { name: 'tides.json', size: bytes.byteLength };
  const begun = await insist(() => stage.perform(who, other('begin an upload'), 'POST', '/api/files', begin));
  const path = `/api/files/${textOf(begun?.body, 'id')}`;
  if (begun?.status !== 201) return '';
  await insist(() => stage.perform(who, other('upload a part'), 'PUT', `${path}/parts/1`, bytes));
  const done = await insist(() => stage.perform(who, other('complete an upload'), 'POST', `${path}/complete`));
  return done?.status === 200 || done?.status === 201 ? textOf(done.body, 'id') : '';
}
