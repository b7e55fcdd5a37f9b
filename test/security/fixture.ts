import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { type Account, api, request, signIn, signUp } from '../support/api.ts';
import type { Contract, Operation } from '../support/contract.ts';
import { begin, putPart, ticketFor, upload } from '../support/files.ts';
import { Browser } from '../support/push.ts';
import { type JsonSchema, valid } from './arbitrary.ts';

/** Two people with something to lose, and everybody whose business it is not. */
export interface Fixture {
  owner: Account;
  member: Account;
  /** Has nothing to do with them. */
  stranger: Account;
  /** Was in the conversation and in the workspace, and was removed. */
  former: Account;
  /** Is in another workspace, and owns it. */
  neighbour: Account;
  /** Was in the conversations, is banned from them, and is blocked by both. */
  blocked: Account;
  /** Is in the conversation and in the workspace, and is suspended. */
  suspended: Account;
  group: string;
  channel: string;
  workspace: string;
  /** Of the owner. */
  friendGroup: string;
  /** Of the owner, by the beginning of the paths that name them; the file was sent into both conversations. */
  owned: Record<'/api/auth/sessions' | '/api/files' | '/api/push/subscriptions' | '/api/notifications', string[]>;
  file: string;
  /** Into the group and into the workspace. */
  invitation: Invitation;
  workspaceInvitation: Invitation;
}

export interface Invitation {
  id: string;
  code: string;
}

const made = async <T = { id: string }>(path: string, { token }: Account, body: unknown, method = 'POST') => {
  const answer = await api<T>(path, { method, token, body });
  if (answer.status > 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const created = async (path: string, account: Account, body: unknown): Promise<string> =>
  (await made(path, account, body)).id;

export const setStatus = (account: Account, status: 'Suspended' | 'Active') =>
  request(`/api/admin/users/${account.id}/status`, { method: 'PUT', token: env.ADMIN_TOKEN, body: { status } });

export async function newFixture(): Promise<Fixture> {
  const owner = await signUp({ fullname: 'Canary Owner' });
  const [member, stranger, former, neighbour, blocked, suspended] = [
    await signUp(),
    await signUp(),
    await signUp(),
    await signUp(),
    await signUp(),
    await signUp(),
  ];
  const { token } = owner;
  const workspace = await created('/api/workspaces', owner, { name: 'Canary Workspace' });
  await created('/api/workspaces', neighbour, { name: 'Next door' });
  const insiders = [member.id, former.id, blocked.id, suspended.id];
  await api(`/api/workspaces/${workspace}/members`, { token, body: { user_ids: insiders } });
  const group = await created('/api/chats', owner, { type: 'Group', name: 'Canary Group', members: insiders });
  const channel = await created('/api/chats', owner, {
    type: 'PublicChannel',
    name: 'Canary Channel',
    workspace_id: workspace,
    members: insiders,
  });
  const { id: file } = await upload(owner, 'canary file', { name: 'canary.txt' });
  for (const chat of [group, channel]) {
    const { ticket } = await ticketFor(owner, chat, { file_id: file });
    const messages = `/api/chats/${chat}/messages`;
    await made(messages, owner, { kind: 'file', content: 'canary content', files: [ticket], client_id: 'canary' });
    await made(messages, owner, { kind: 'poll', content: 'canary poll', poll: { options: ['a', 'b'] } });
    await made(`/api/chats/${chat}/announcement`, owner, { text: 'canary announcement' }, 'PUT');
    await request(`/api/chats/${chat}/members/${former.id}`, { method: 'DELETE', token });
    await made(`/api/chats/${chat}/bans/${blocked.id}`, owner, {}, 'PUT');
  }
  for (const { id } of [former, blocked]) {
    await request(`/api/workspaces/${workspace}/members/${id}`, { method: 'DELETE', token });
  }
  for (const account of [owner, member]) {
    await request(`/api/blocks/${blocked.id}`, { method: 'PUT', token: account.token });
  }
  const friendGroup = await created('/api/friend-groups', owner, { name: 'Canary Friends' });
  await api('/api/friend-requests', { token, body: { user_id: member.id } });
  await api('/api/friend-requests', { token: member.token, body: { user_id: owner.id } });
  const { id: coming } = await begin(owner, { size: 3 });
  await putPart(owner, coming, 1, 'abc');
  const { subscription } = await Browser.open(`canary-${coming}`);
  const subscribed = await created('/api/push/subscriptions', owner, subscription);
  await signIn(owner, 'Canary Device');
  const sessions = await api<{ items: { id: string }[] }>('/api/auth/sessions', { token });
  await setStatus(suspended, 'Suspended');
  return {
    ...{ owner, member, stranger, former, neighbour, blocked, suspended, group, channel, workspace, friendGroup, file },
    owned: {
      '/api/auth/sessions': sessions.body.items.map(({ id }) => id),
      '/api/files': [file, coming],
      '/api/push/subscriptions': [subscribed],
      '/api/notifications': [`${member.id}.friend`],
    },
    invitation: await made<Invitation>(`/api/chats/${group}/invitations`, owner, {}),
    workspaceInvitation: await made<Invitation>(`/api/workspaces/${workspace}/invitations`, owner, {}),
  };
}

/** What a path names beside the object itself: the message that everything in a fixture begins with. */
const USUAL: Record<string, string> = { seq: '2', emoji: encodeURIComponent('👍'), client_id: 'canary' };

/** Paths of polls name the message that is one. */
export const fill = (path: string, values: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === 'seq' && path.includes('/poll') ? '3' : (values[name] ?? USUAL[name] ?? '1'),
  );

/** Bodies that the operation's schema allows; undefined where it takes none. */
export function bodies(
  contract: Contract,
  { requestBody }: Operation,
  named: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<unknown> {
  const schema: JsonSchema | undefined = requestBody?.content['application/json']?.schema;
  return schema === undefined ? fc.constant(undefined) : valid(schema, (ref) => contract.schema(ref), named);
}
