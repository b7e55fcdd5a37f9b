import type { ServerFrame } from '../../src/protocol/frames.ts';
import type { Tokens, User } from '../../src/protocol/users.ts';
import { Backoff } from './backoff.ts';
import { type Environment, randomName, sleep } from './environment.ts';
import { asError, isTransient, StorageError, TidelineError } from './errors.ts';
import type { Authority, Http } from './http.ts';
import type { Pass, SocketAuthority } from './link.ts';
import type { StorageAdapter } from './storage.ts';

const KEY = 'session';
/** Stored apart: a resume frame may come while a refresh is under way, and neither may undo the other. */
const RESUME_KEY = 'resume';
/** A resume token that ends within this time is not used any more; ms. */
const RESUME_MARGIN = 10_000;

interface StoredSession {
  /** Given at the sign-in, kept over refreshes; on this device only. */
  id: string;
  user: User;
  token: string;
  /** Milliseconds since 1970 on this device's clock. */
  expires_at: number;
  /** How long the access token was good when it came, ms. */
  lifetime: number;
  refresh_token: string;
  /** Name of a refresh that was begun and whose answer has not been stored. */
  attempt?: string;
}

/** What opens sockets of the session without an access token. */
interface StoredResume {
  /** The `StoredSession` that it belongs to. */
  session: string;
  token: string;
  /** Milliseconds since 1970. */
  expires_at: number;
  slot_ms: number;
}

/** How the session stands with its owner. */
export interface SessionEvents {
  /** A new access token, or another user. */
  renewed(token: string): void;
  /** The server ended the session, or it was signed out. */
  ended(error: TidelineError): void;
  fault(error: Error): void;
}

/**
 * The tokens of one signed-in user. One refresh at a time, across every client on the same storage; a refresh is named
 * and stored before it is sent, so that the answer can be asked for again when it was lost.
 */
export class Session implements Authority, SocketAuthority {
  readonly #environment: Environment;
  readonly #storage: StorageAdapter;
  readonly #http: Http;
  readonly #events: SessionEvents;
  #stored: StoredSession | null = null;
  #resume: StoredResume | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(environment: Environment, storage: StorageAdapter, http: Http, events: SessionEvents) {
    this.#environment = environment;
    this.#storage = storage;
    this.#http = http;
    this.#events = events;
  }

  get user(): User | null {
    return this.#stored?.user ?? null;
  }

  /** Milliseconds until the access token should be renewed; null when signed out. */
  get renewIn(): number | null {
    if (this.#stored === null) return null;
    return Math.max(0, this.#stored.expires_at - margin(this.#stored) - this.#environment.clock.now());
  }

  /** Whether sockets can be opened without an access token. */
  get resumable(): boolean {
    return this.#resumable() !== undefined;
  }

  get slot(): number | undefined {
    return this.#resumable()?.slot_ms;
  }

  /** Takes up the session that storage holds, if any. */
  async load(): Promise<void> {
    this.#stored = await this.#read();
    if (this.#stored !== null) this.#resume = await this.#readResume();
  }

  /** A new session. */
  adopt(tokens: Tokens, askedAt: number): Promise<void> {
    return this.#take(tokens, askedAt, randomName());
  }

  /** What the server gives for coming back. */
  async keepResume(frame: Extract<ServerFrame, { t: 'resume' }>): Promise<void> {
    if (this.#stored === null) return;
    const { token, slot_ms } = frame;
    const kept = { session: this.#stored.id, token, slot_ms, expires_at: Date.parse(frame.expires_at) };
    this.#resume = kept;
    await this.#guard(() => this.#storage.write({ set: { [RESUME_KEY]: kept } }));
  }

  /** The token for a new socket. No refresh is made, or waited for, as long as there is a resume token. */
  async pass(): Promise<Pass> {
    const resume = this.#resumable();
    if (this.renewIn === 0 && resume !== undefined) return { token: resume.token, resumed: true };
    return { token: await this.token(), resumed: false };
  }

  /** The profile changed. */
  async updateUser(user: User): Promise<void> {
    if (this.#stored === null) return;
    this.#stored = { ...this.#stored, user };
    await this.#write(this.#stored);
  }

  /** @param options.fresh wait for the renewal if it is due, even though the old token is still good */
  async token(options: { fresh?: boolean } = {}): Promise<string> {
    const session = this.#stored;
    if (session === null) throw signedOut();
    const left = session.expires_at - this.#environment.clock.now();
    if (left >= margin(session)) return session.token;
    const refreshed = this.#refresh(session.token);
    if (left > margin(session) / 2 && options.fresh !== true) {
      // The token is good for a while: nobody waits. A failure shows when it matters.
      refreshed.catch(() => undefined);
      return session.token;
    }
    await refreshed;
    return this.#stored?.token ?? Promise.reject(signedOut());
  }

  async renew(refused: string): Promise<void> {
    if (refused !== this.#resume?.token) return this.#refresh(refused);
    this.#resume = undefined;
    await this.#guard(() => this.#storage.write({ delete: [RESUME_KEY] }));
    if (this.#stored !== null && this.renewIn === 0) await this.#refresh(this.#stored.token);
  }

  /** Forgets the session on this device. */
  async forget(error: TidelineError): Promise<void> {
    if (this.#stored === null) return;
    this.#stored = null;
    this.#resume = undefined;
    this.#events.ended(error);
    await this.#guard(() => this.#storage.write({ delete: [KEY, RESUME_KEY] }));
  }

  /** Single flight. `old` is the token that is to be replaced: when another one is there already, nothing is asked. */
  #refresh(old: string): Promise<void> {
    if (this.#stored === null) return Promise.reject(signedOut());
    if (this.#stored.token !== old) return Promise.resolve();
    const refreshToken = this.#stored.refresh_token;
    this.#refreshing ??= this.#storage
      .exclusive(KEY, () => this.#exchange(refreshToken))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** @param old the refresh token that is to be replaced */
  async #exchange(old: string): Promise<void> {
    const held = await this.#read();
    const mine = this.#stored;
    if (mine === null) throw signedOut();
    if (mine.refresh_token !== old) return;
    const session = held !== null && held.user.id === mine.user.id ? held : mine;
    if (session.refresh_token !== old) {
      // Another client on this storage was faster.
      this.#stored = session;
      this.#events.renewed(session.token);
      return;
    }
    const attempt = session.attempt ?? randomName();
    const asking = { ...session, attempt };
    this.#stored = asking;
    await this.#write(asking);
    const backoff = new Backoff(this.#environment.random, 300, 5_000);
    for (;;) {
      const askedAt = this.#environment.clock.now();
      try {
        const tokens = await this.#http.request<Tokens>('/api/auth/refresh', {
          body: { refresh_token: session.refresh_token, attempt },
          auth: false,
        });
        // Signed out, or in as somebody else, while the answer was on its way: it is not wanted any more.
        if (this.#stored === asking) await this.#take(tokens, askedAt, session.id);
        return;
      } catch (error) {
        if (error instanceof TidelineError && error.status === 401) {
          if (this.#stored === asking) await this.forget(error);
          throw new TidelineError('session_ended', 'The session has ended: sign in again', { cause: error });
        }
        const wait = backoff.next(error instanceof TidelineError ? (error.retryAfter ?? 0) * 1000 : 0);
        // The answer can be asked for again for a minute only: the repeats come soon.
        if (!isTransient(error) || backoff.attempt > 4 || wait > 30_000) throw error;
        await sleep(this.#environment.clock, wait);
      }
    }
  }

  async #take({ token, refresh_token, user, expires_in }: Tokens, askedAt: number, id: string): Promise<void> {
    const lifetime = expires_in * 1000;
    this.#stored = { id, user, token, refresh_token, lifetime, expires_at: askedAt + lifetime };
    await this.#write(this.#stored);
    this.#events.renewed(token);
  }

  /** The resume token, if there is one of this session that is good for a while. */
  #resumable(): StoredResume | undefined {
    const [resume, session] = [this.#resume, this.#stored];
    if (resume === undefined || resume.session !== session?.id) return undefined;
    return resume.expires_at - this.#environment.clock.now() > RESUME_MARGIN ? resume : undefined;
  }

  async #readResume(): Promise<StoredResume | undefined> {
    try {
      return (await this.#storage.read(RESUME_KEY))[RESUME_KEY] as StoredResume | undefined;
    } catch (error) {
      this.#events.fault(new StorageError('The resume token could not be read', { cause: error }));
      return undefined;
    }
  }

  async #read(): Promise<StoredSession | null> {
    try {
      return ((await this.#storage.read(KEY))[KEY] as StoredSession | undefined) ?? null;
    } catch (error) {
      this.#events.fault(new StorageError('The session could not be read', { cause: error }));
      return this.#stored;
    }
  }

  #write(session: StoredSession): Promise<void> {
    return this.#guard(() => this.#storage.write({ set: { [KEY]: session } }));
  }

  async #guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#events.fault(new StorageError('The session could not be stored', { cause: asError(error) }));
    }
  }
}

const signedOut = () => new TidelineError('unauthenticated', 'Nobody is signed in: call signUp or signIn first');

/** Renewed this long before the end: a minute, or a fifth of a short life. */
const margin = (session: StoredSession) => Math.min(60_000, session.lifetime / 5);
