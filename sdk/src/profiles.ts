import type { Profile } from '../../src/protocol/users.ts';
import type { Clock } from './environment.ts';
import { asError, isTransient, StorageError } from './errors.ts';
import type { StorageAdapter } from './storage.ts';

/** Ids that the server takes in one look-up. */
const IDS_MAX = 100;
/** Profiles that are asked for within this time are looked up together; ms. */
const GATHER = 20;
/** A profile that was looked up longer ago is looked up again when it is wanted; ms. */
const STALE_AFTER = 60 * 60_000;
/** A look-up that failed is made again after this long, ms. */
const AGAIN = 5_000;

interface Entry {
  readonly profile: Profile;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface PeoplePorts {
  find(ids: string[]): Promise<Profile[]>;
  /** Profiles that are new or other than before. */
  changed(profiles: readonly Profile[]): void;
  fault(error: Error): void;
}

/** Names and pictures of users, by id: looked up in bulk, and kept so that they are there without a network. */
export class People {
  readonly #clock: Clock;
  readonly #storage: StorageAdapter;
  readonly #ports: PeoplePorts;
  readonly #entries = new Map<string, Entry>();
  readonly #wanted = new Set<string>();
  /** Looked up in vain by this client. */
  readonly #absent = new Set<string>();
  #user = '';
  #cancel: (() => void) | undefined;

  /** @internal */
  constructor(clock: Clock, storage: StorageAdapter, ports: PeoplePorts) {
    this.#clock = clock;
    this.#storage = storage;
    this.#ports = ports;
  }

  /** Everybody who is known here. */
  get all(): Profile[] {
    return [...this.#entries.values()].map(({ profile }) => profile);
  }

  /** Who it is, as far as is known here. */
  get(id: string): Profile | undefined {
    return this.#entries.get(id)?.profile;
  }

  /** Looks up whoever of these is not known yet, or not lately; a `people` event tells. */
  want(ids: Iterable<string>): void {
    const fresh = this.#clock.now() - STALE_AFTER;
    for (const id of ids) {
      if ((this.#entries.get(id)?.at ?? 0) > fresh || this.#absent.has(id)) continue;
      this.#wanted.add(id);
    }
    if (this.#wanted.size > 0) this.#plan(GATHER);
  }

  /** Takes in what was learned of people in another way. */
  learn(profiles: readonly Profile[]): void {
    const at = this.#clock.now();
    const set: Record<string, Entry> = {};
    const changed: Profile[] = [];
    for (const profile of profiles) {
      const held = this.#entries.get(profile.id)?.profile;
      const entry = { profile, at };
      this.#entries.set(profile.id, entry);
      this.#wanted.delete(profile.id);
      this.#absent.delete(profile.id);
      set[this.#key(profile.id)] = entry;
      const same =
        held?.fullname === profile.fullname && held.handle === profile.handle && held.avatar === profile.avatar;
      if (!same) changed.push(profile);
    }
    if (changed.length > 0) this.#ports.changed(changed);
    this.#storage
      .write({ set })
      .catch((cause) => this.#ports.fault(new StorageError('Profiles could not be stored', { cause })));
  }

  /** @internal Takes up what storage holds for this user. */
  async load(user: string): Promise<void> {
    this.#user = user;
    try {
      for (const entry of Object.values(await this.#storage.read(this.#key(''))) as Entry[]) {
        this.#entries.set(entry.profile.id, entry);
      }
    } catch (cause) {
      this.#ports.fault(new StorageError('Profiles could not be read', { cause }));
    }
  }

  /** @internal */
  clear(): void {
    this.stop();
    this.#entries.clear();
    this.#wanted.clear();
    this.#absent.clear();
  }

  /** @internal */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #plan(wait: number): void {
    this.#cancel ??= this.#clock.after(wait, () => {
      this.#cancel = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const ids = [...this.#wanted].slice(0, IDS_MAX);
    const user = this.#user;
    if (ids.length === 0) return;
    try {
      const found = await this.#ports.find(ids);
      if (user !== this.#user) return;
      this.learn(found);
      for (const id of ids) if (this.#wanted.delete(id)) this.#absent.add(id);
      if (this.#wanted.size > 0) this.#plan(GATHER);
    } catch (error) {
      if (user !== this.#user) return;
      if (isTransient(error)) return this.#plan(AGAIN);
      for (const id of ids) this.#wanted.delete(id);
      this.#ports.fault(asError(error));
    }
  }

  #key(id: string): string {
    return `people/${this.#user}/${id}`;
  }
}
