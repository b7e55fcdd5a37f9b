import { type Clock, timestamp } from '../clock.ts';
import { LIMITS } from '../protocol/limits.ts';
import { type Presence, Status } from '../protocol/users.ts';
import type { InboxApi } from './api.ts';
import type { Device, Devices } from './devices.ts';
import { parallel } from './parallel.ts';
import type { Timeline } from './timeline.ts';

/** Calls to other inboxes under way at once. */
const PARALLEL = 50;
/** A change of presence is told at once, and the next one this much later at the earliest, in ms. */
const TELL_EVERY_MS = 1000;

interface Ports {
  owner: string;
  peer(userId: string): Pick<InboxApi, 'meet'>;
  /** To the user's devices. */
  signal(frame: string): void;
  background(work: Promise<void>): void;
  log(message: string, fields: Record<string, unknown>): void;
}

const frameOf = (presence: Presence): string => JSON.stringify({ t: 'presence', ...presence });
/** There is something to say of them. */
const isThere = ({ state, status }: Presence): boolean => state !== 'offline' || status !== null;
/** What others see change; `last_seen` moves all the time. */
const keyOf = ({ state, status }: Presence): string => JSON.stringify([state, status]);

/**
 * How a user is, and who is told. Friends and people of Singles meet when one of them comes: each hears how the other is. From
 * then on a change goes to those who are there; whoever comes later asks. Nothing of it is stored but the custom status
 * and when the user was last seen.
 */
export class Presences {
  readonly #timeline: Timeline;
  readonly #devices: Devices;
  readonly #clock: Clock;
  readonly #ports: Ports;
  /** What was last heard of people, while they are there. */
  readonly #there = new Map<string, string>();
  /** Everybody has been met since this object began. */
  #met = false;
  #told: string | undefined;
  #telling = false;
  #again = false;

  constructor(timeline: Timeline, devices: Devices, clock: Clock, ports: Ports) {
    this.#timeline = timeline;
    this.#devices = devices;
    this.#clock = clock;
    this.#ports = ports;
  }

  /** The liveliest device counts. */
  own(): Presence {
    const here = this.#devices.size > 0;
    const status = this.status();
    const state = !here ? 'offline' : status?.busy ? 'busy' : this.#devices.awake ? 'online' : 'away';
    const last_seen = here ? timestamp(this.#clock()) : (this.#timeline.fact('last_seen') ?? null);
    return { user_id: this.#ports.owner, state, last_seen, status };
  }

  /** The custom status, until it expires. */
  status(): Status | null {
    const stored = this.#timeline.itemAt('status', 'me')?.value ?? null;
    if (stored === null) return null;
    const status = Status.parse(JSON.parse(stored));
    return status.expires_at !== null && Date.parse(status.expires_at) <= this.#clock() ? null : status;
  }

  /**
   * Presence as somebody may see it; null: they are a stranger. Whom the user has blocked sees somebody who is not there, as
   * one is who tells nobody when they were.
   */
  seenBy(viewer: string): Presence | null {
    if (viewer === this.#ports.owner) return this.own();
    const { friend, blocked } = this.#timeline.contact(viewer);
    if (!friend && !this.#timeline.knows(viewer)) return null;
    return blocked ? this.#nobody() : this.#shownTo(friend);
  }

  /** A peer tells how they are, and hears how this user is. */
  meet(peer: Presence): Presence | null {
    const seen = this.seenBy(peer.user_id);
    if (seen === null || this.#timeline.contact(peer.user_id).blocked) return null;
    // After an eviction nothing is known of who was there: a farewell is passed on.
    if (this.#there.get(peer.user_id) !== keyOf(peer)) this.#ports.signal(frameOf(peer));
    this.#note(peer);
    return seen;
  }

  /** A device has come: it hears how the peers are, and they that the user is there. */
  async arrived(device: Device): Promise<void> {
    const heard: string[] = [];
    this.#told = keyOf(this.own());
    await this.#meetAll(this.#timeline.people(LIMITS.presencePeers), (theirs) => {
      this.#note(theirs);
      if (isThere(theirs)) heard.push(frameOf(theirs));
    });
    this.#met = true;
    device.sendAll(heard);
  }

  /** Something that others see may have changed. */
  changed(): void {
    this.#again = true;
    if (this.#telling) return;
    this.#telling = true;
    this.#ports.background(
      this.#tell().finally(() => {
        this.#telling = false;
      }),
    );
  }

  /** The last device has left. */
  left(): void {
    this.#timeline.setFact('last_seen', timestamp(this.#clock()));
  }

  /** These have become friends or are of a new Single, were blocked or are no more: they hear what they see now. */
  async met(userIds: string[]): Promise<void> {
    if (this.#devices.size > 0) await this.#meetAll(userIds, (theirs) => this.#hear(theirs));
  }

  async #tell(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const key = keyOf(this.own());
      if (key === this.#told) continue;
      this.#told = key;
      const whom = this.#met ? [...this.#there.keys()] : this.#timeline.people(LIMITS.presencePeers);
      await this.#meetAll(whom, (theirs) => this.#hear(theirs));
      await scheduler.wait(TELL_EVERY_MS);
    }
  }

  /** They are told, and what they answer is heard, unless the user has blocked them. */
  async #meetAll(userIds: string[], hear: (theirs: Presence) => void): Promise<void> {
    await parallel(userIds, PARALLEL, async (userId) => {
      try {
        const own = this.seenBy(userId);
        const theirs = own && (await this.#ports.peer(userId).meet(own));
        if (this.#timeline.contact(userId).blocked) this.#there.delete(userId);
        else if (theirs !== null) hear(theirs);
      } catch (fault) {
        this.#ports.log('a peer could not be told of presence', { error: String(fault) });
      }
    });
  }

  /** What is heard again is not passed on: a peer's second device is no news. Nor is that somebody is still not there. */
  #hear(peer: Presence): void {
    const [before, now] = [this.#there.get(peer.user_id), keyOf(peer)];
    this.#note(peer);
    if (before === now || (before === undefined && !isThere(peer))) return;
    this.#ports.signal(frameOf(peer));
  }

  #note(peer: Presence): void {
    if (peer.state === 'offline') this.#there.delete(peer.user_id);
    else this.#there.set(peer.user_id, keyOf(peer));
  }

  #shownTo(friend: boolean): Presence {
    const own = this.own();
    const policy = this.#timeline.lastSeenFor();
    return policy === 'everyone' || (policy === 'friends' && friend) ? own : { ...own, last_seen: null };
  }

  #nobody(): Presence {
    return { user_id: this.#ports.owner, state: 'offline', last_seen: null, status: null };
  }
}
