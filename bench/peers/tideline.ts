import { pool, range } from '../lib/async.ts';
import { Connection, SendTemplate } from '../lib/connection.ts';
import { HttpClient } from '../lib/http.ts';
import type { Peer, Target } from './peer.ts';

/** Members named in one request, as the API has it. */
const MEMBERS_PER_REQUEST = 500;
/** A token younger than this lasts for whatever is about to be measured (it lives 15 minutes). */
const FRESH_MS = 4 * 60_000;
const SIGN_UPS_AT_ONCE = 4;

interface Account {
  id: string;
  token: string;
  refresh_token: string;
  since: number;
}

interface TokenAnswer {
  token: string;
  refresh_token: string;
  user: { id: string };
}

export class TidelinePeer implements Peer {
  target: Target;
  http: HttpClient;
  readonly #confirmBytes: number;
  readonly #log: (line: string) => void;
  readonly #accounts: Account[] = [];

  constructor(target: Target, confirmBytes: number, log: (line: string) => void) {
    this.target = target;
    this.#confirmBytes = confirmBytes;
    this.#log = log;
    this.http = new HttpClient(target.port, 32);
  }

  moved(target: Target): void {
    this.target = target;
    this.http.close();
    this.http = new HttpClient(target.port, 32);
  }

  account(user: number): Account {
    const account = this.#accounts[user];
    if (account === undefined) throw new Error(`user ${user} was not prepared`);
    return account;
  }

  async prepareUsers(count: number): Promise<void> {
    const missing = range(Math.max(0, count - this.#accounts.length), this.#accounts.length);
    if (missing.length > 0) {
      const start = performance.now();
      await pool(missing, SIGN_UPS_AT_ONCE, async (user) => {
        this.#accounts[user] = await this.#signUp(user);
      });
      this.#log(`tideline: ${missing.length} users signed up in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
    const old = performance.now() - FRESH_MS;
    const stale = range(count).filter((user) => this.account(user).since < old);
    await pool(stale, SIGN_UPS_AT_ONCE, async (user) => {
      const { refresh_token } = this.account(user);
      this.#accounts[user] = this.#accountOf(
        await this.http.json<TokenAnswer>([200], 'POST', '/api/auth/refresh', undefined, { refresh_token }),
      );
    });
  }

  #accountOf({ token, refresh_token, user }: TokenAnswer): Account {
    return { id: user.id, token, refresh_token, since: performance.now() };
  }

  async #signUp(user: number): Promise<Account> {
    const body = { fullname: `Bench ${user}`, email: `bench-${user}@example.com`, password: `correct horse ${user}` };
    return this.#accountOf(await this.http.json<TokenAnswer>([201], 'POST', '/api/auth/signup', undefined, body));
  }

  async createRoom(kind: 'group' | 'pair', members: number[]): Promise<string> {
    const [creator = 0, ...others] = members;
    const token = this.account(creator).token;
    const ids = others.map((user) => this.account(user).id);
    const body =
      kind === 'pair'
        ? { type: 'Single', members: ids }
        : { type: 'Group', name: 'Bench', members: ids.slice(0, MEMBERS_PER_REQUEST) };
    const { id } = await this.http.json<{ id: string }>([200, 201], 'POST', '/api/chats', token, body);
    for (let from = MEMBERS_PER_REQUEST; kind === 'group' && from < ids.length; from += MEMBERS_PER_REQUEST) {
      const user_ids = ids.slice(from, from + MEMBERS_PER_REQUEST);
      await this.http.json([201], 'POST', `/api/chats/${id}/members`, token, { user_ids });
    }
    return id;
  }

  openRoom(room: string, user: number, compressed?: boolean): Promise<Connection> {
    const path = `/api/chats/${room}/ws`;
    return Connection.open({ ...this.#options(user), path, chat: room, ready: 'events', compressed });
  }

  /** The user's inbox socket. */
  openInbox(user: number): Promise<Connection> {
    return Connection.open({ ...this.#options(user), path: '/api/ws', ready: 'inbox' });
  }

  /** The user's inbox socket on a device that holds all of `chat` and follows it. */
  async followInInbox(user: number, chat: string): Promise<Connection> {
    const { head_seq } = await this.http.json<{ head_seq: number }>(
      [200],
      'GET',
      `/api/chats/${chat}`,
      this.account(user).token,
    );
    return Connection.open({ ...this.#options(user), path: '/api/ws', ready: 'inbox', chat, after: head_seq });
  }

  #options(user: number) {
    const protocols = ['tideline.v1', `bearer.${this.account(user).token}`];
    return { port: this.target.port, protocols, confirmBytes: this.#confirmBytes };
  }

  template(chat_id: string): SendTemplate {
    return new SendTemplate((client_id, content) => ({ t: 'send', client_id, chat_id, kind: 'text', content }));
  }

  close(): void {
    this.http.close();
  }
}
