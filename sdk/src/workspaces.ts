import type {
  CreateWorkspaceInvitation,
  NewWorkspaceInvitation,
  UpdateWorkspace,
  Workspace,
  WorkspaceInvitation,
  WorkspaceInvitationPreview,
  WorkspaceMember,
  WorkspaceRole,
} from '../../src/protocol/workspaces.ts';
import type { Http, RequestOptions } from './http.ts';

interface Ports {
  rows(): ReadonlyMap<string, Workspace>;
  /** A change was made over REST: the rows should learn of it soon. */
  changed(): Promise<void>;
}

export interface WorkspacePeoplePage {
  items: WorkspaceMember[];
  next_cursor: string | null;
}
export interface WorkspaceInvitationPage {
  items: WorkspaceInvitation[];
  next_cursor: string | null;
}

type Answered = Omit<RequestOptions, 'signal'>;
const at = (id: string, more = ''): string => `/api/workspaces/${encodeURIComponent(id)}${more}`;
const member = (id: string, userId: string): string => at(id, `/members/${encodeURIComponent(userId)}`);

/** Workspaces: rows that are kept in step, and what can be done. All throw TidelineError, `not_found` where one may not know. */
export class WorkspacesResource {
  readonly #http: Http;
  readonly #ports: Ports;

  /** @internal */
  constructor(http: Http, ports: Ports) {
    this.#http = http;
    this.#ports = ports;
  }

  /** The workspaces that the user is in, each with their `role`: kept in step while connected. */
  get rows(): Workspace[] {
    return [...this.#ports.rows().values()];
  }
  get(id: string): Workspace | undefined {
    return this.#ports.rows().get(id);
  }

  create(input: { name: string; description?: string | null }): Promise<Workspace> {
    return this.#change('/api/workspaces', { method: 'POST', body: input });
  }
  /** Name, description and settings; for owners and admins. */
  update(id: string, patch: UpdateWorkspace): Promise<Workspace> {
    return this.#change(at(id), { method: 'PUT', body: patch, idempotent: true });
  }
  /** Sets `deleting_at`, until which `restore` takes it back; for owners. */
  delete(id: string): Promise<Workspace> {
    return this.#change(at(id), { method: 'DELETE', idempotent: true });
  }
  restore(id: string): Promise<Workspace> {
    return this.#change(at(id, '/restore'), { method: 'POST', idempotent: true });
  }
  /** Makes somebody else the owner, and the user an admin. */
  transfer(id: string, userId: string): Promise<WorkspaceMember> {
    return this.#change(at(id, '/transfer'), { method: 'POST', body: { user_id: userId } });
  }

  /** The directory of people, by id; `q` is the beginning of a handle or of a word of the name. */
  people(
    id: string,
    query: { q?: string; role?: WorkspaceRole; cursor?: string; limit?: number } = {},
  ): Promise<WorkspacePeoplePage> {
    return this.#http.request(at(id, '/members'), { query });
  }
  /** Adds users; for owners and admins. */
  async add(id: string, userIds: readonly string[], role: 'member' | 'guest' = 'member'): Promise<WorkspaceMember[]> {
    const options = { method: 'POST', body: { user_ids: userIds, role }, idempotent: true } as const;
    return (await this.#change<{ items: WorkspaceMember[] }>(at(id, '/members'), options)).items;
  }
  /** @throws TidelineError `conflict` when the last owner would be none any more */
  setRole(id: string, userId: string, role: WorkspaceRole): Promise<WorkspaceMember> {
    return this.#change(member(id, userId), { method: 'PUT', body: { role }, idempotent: true });
  }
  /** Removes somebody, or leaves. They leave the workspace's conversations. */
  remove(id: string, userId: string): Promise<void> {
    return this.#change(member(id, userId), { method: 'DELETE' });
  }

  /**
   * Invites by mail to an address (good once, for the account with it; `code` is null) or, without one, by a link: `code` is
   * what it carries.
   */
  invite(id: string, input: Partial<CreateWorkspaceInvitation> = {}): Promise<NewWorkspaceInvitation> {
    return this.#http.request(at(id, '/invitations'), { method: 'POST', body: input });
  }
  /** Those that hold: the user's own, and to owners and admins everybody's. */
  invitations(id: string, query: { cursor?: string; limit?: number } = {}): Promise<WorkspaceInvitationPage> {
    return this.#http.request(at(id, '/invitations'), { query });
  }
  revokeInvitation(id: string, invitationId: string): Promise<void> {
    return this.#http.request(at(id, `/invitations/${encodeURIComponent(invitationId)}`), { method: 'DELETE' });
  }
  /** @throws TidelineError `not_found` when the code does not hold, or is for somebody else */
  previewInvitation(code: string): Promise<WorkspaceInvitationPreview> {
    return this.#http.request('/api/workspace-invitations/preview', {
      method: 'POST',
      body: { code },
      idempotent: true,
    });
  }
  /** Comes in. Doing it again uses nothing. @throws TidelineError `not_found` */
  redeemInvitation(code: string): Promise<Workspace> {
    return this.#change('/api/workspace-invitations/redeem', { method: 'POST', body: { code }, idempotent: true });
  }

  async #change<T>(path: string, options: Answered): Promise<T> {
    const answer = await this.#http.request<T>(path, options);
    await this.#ports.changed();
    return answer;
  }
}
