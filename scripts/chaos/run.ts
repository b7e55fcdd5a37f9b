import { readFileSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CuttingProxy } from '../../sdk/test/support/proxy.ts';
import { AUDIT_PARTS } from '../../src/protocol/audit.ts';
import { check } from '../../test/chaos/checker/check.ts';
import type { Answer, Call, Entry, Hole, SeenEvent, Violation } from '../../test/chaos/checker/history.ts';
import { Random } from '../../test/chaos/random.ts';
import { Account, type Answered, ask, field, textOf } from './account.ts';
import { FEATURES, type Stage, setTimer, TIMER } from './features.ts';
import { fuzz } from './fuzz.ts';
import type { Fault, ObjectKind, Plan, Step } from './plan.ts';
import { RawClient } from './raw.ts';
import { type Ending, Recorder } from './recorder.ts';
import { comparable, SdkClient } from './sdk.ts';
import { Server } from './server.ts';

const SETTLE_LIMIT = 45_000;
/** Clients that still pause after so long are told that the network is back, ms. */
const NUDGE = 5000;
const DRAIN_LIMIT = 90_000;
/** A client of the SDK notices within 35 s that its connection is dead. */
const CONVERGE_LIMIT = 50_000;
/** What is under way shows up in an audit, and not in a later one. */
const AUDIT_LIMIT = 30_000;
const DISK_MIB = 512;
/** Relays of a conversation that faults come to. */
const RELAYS = 3;

export interface Outcome {
  violations: Violation[];
  faults: Record<string, number>;
  sends: number;
  acked: number;
  resent: number;
  /** Acknowledged changes of messages. */
  changed: number;
  /** Requests beside messages and changes that were answered with success, refused, and of which nothing is known. */
  requests: { ok: number; refused: number; unknown: number };
  /** Made-up requests that were answered. */
  fuzzed: number;
  observed: number;
  drainMs: number;
  /** Relays that had sockets when the last fault was over. */
  relays: number;
  /** Clients of the SDK that stood still until somebody looked. */
  still: number;
  /** Kills because a database stayed locked after its object had been ended. */
  locks: number;
  peakBytes: number;
  broke: string[];
  /** Log lines that speak of something unexpected. */
  lines: string[];
  history: Entry[];
}

const items = (body: unknown): unknown[] => {
  const list = field(body, 'items');
  return Array.isArray(list) ? list : [];
};

/** What of an answer over REST a history holds. */
function answerOf(body: unknown): Answer {
  const seq = field(body, 'seq');
  return {
    chat: textOf(body, 'id'),
    ...(typeof seq === 'number' ? { seq, duplicate: field(body, 'duplicate') === true } : {}),
    ...(field(body, 'joined') === true ? { joined: true } : {}),
  };
}

/** One schedule against a server of its own. */
export class Run {
  readonly #plan: Plan;
  readonly #bundle: string;
  readonly #recorder = new Recorder();
  readonly #random: Random;
  readonly #faults: Record<string, number> = {};
  readonly #users: Account[] = [];
  readonly #chats: string[] = [];
  readonly #epochs = new Map<string, string>();
  readonly #raw: RawClient[] = [];
  readonly #sdk: SdkClient[] = [];
  readonly #suspended = new Set<number>();
  #names = 0;
  #relays = 0;
  #still = 0;
  #workspace = '';
  #server: Server | undefined;
  #proxy: CuttingProxy | undefined;
  #admin = '';

  constructor(plan: Plan, bundle: string) {
    this.#plan = plan;
    this.#bundle = bundle;
    this.#random = new Random(plan.seed ^ 0x5bd1e995);
  }

  async go(): Promise<Outcome> {
    const started = performance.now();
    const server = await Server.create(this.#bundle, DISK_MIB);
    this.#server = server;
    const watch = setInterval(() => server.measure(), 500);
    try {
      await server.start();
      this.#proxy = await CuttingProxy.before(server.url);
      await this.#prepare();
      await Promise.all([
        this.#play(this.#plan.steps, (step) => this.#step(step)),
        this.#play(this.#plan.faults, (f) => this.#fault(f)),
      ]);
      const drainMs = await this.#heal();
      await this.#readEverything();
      return this.#outcome(drainMs);
    } catch (error) {
      const tail = server.lines.slice(-20).join('\n');
      throw new Error(
        `seed ${this.#plan.seed} after ${Math.round(performance.now() - started)} ms: ${String(error)}\n${tail}`,
        {
          cause: error,
        },
      );
    } finally {
      clearInterval(watch);
      for (const client of this.#sdk) client.disconnect();
      const stopping = Promise.all(this.#raw.map((client) => client.stop()));
      await Promise.race([stopping, delay(3000)]);
      await this.#proxy?.close().catch(() => undefined);
      await server.stop();
    }
  }

  get #ready(): Server {
    if (this.#server === undefined) throw new Error('the server is not there yet');
    return this.#server;
  }
  get #wire(): CuttingProxy {
    if (this.#proxy === undefined) throw new Error('the proxy is not there yet');
    return this.#proxy;
  }
  #url = (): string => this.#wire.url;
  /** Past the proxy: for what is not itself under test. */
  #direct = (): string => this.#ready.url;

  #at<T>(list: readonly T[], index: number): T {
    const one = list[index % list.length];
    if (one === undefined) throw new Error('an empty list');
    return one;
  }

  async #prepare(): Promise<void> {
    const { users, chats, clients, seed } = this.#plan;
    const secrets: unknown = JSON.parse(readFileSync(join(this.#ready.stateDir, 'secrets.json'), 'utf8'));
    this.#admin = textOf(secrets, 'ADMIN_TOKEN');
    for (let i = 0; i < users; i++) this.#users.push(new Account(this.#direct, `user${i}-${seed}@example.com`));
    await inTurns(this.#users, 4, (account) => account.signUp('Somebody'));
    const [owner] = this.#users;
    if (owner === undefined) throw new Error('a plan has users');
    for (let i = 0; i < chats; i++) {
      // Everybody is in the first one, which takes another tier where they are many.
      const others = this.#users.slice(1).filter(() => i === 0 || this.#random.chance(0.7));
      await this.#create(owner, others, i % 3 === 2 ? 'joined' : 'all');
    }
    await this.#create(owner, this.#users.slice(1, 4), 'all', { type: 'PublicChannel' });
    await this.#prepareWorkspace(owner);
    for (let i = 0; i < clients.room + clients.inbox; i++) {
      const user = this.#at(this.#users, i);
      const account = new Account(this.#direct, user.email);
      await account.signIn();
      // Many are in the first one, so that it has several relays.
      const chat = i < clients.room ? this.#at(this.#chats, i % 3 === 0 ? 0 : i) : undefined;
      const client = new RawClient(`raw${i}`, account, this.#url, this.#recorder, chat);
      client.dead = i < clients.dead;
      this.#raw.push(client);
      client.start();
    }
    for (let i = 0; i < clients.sdk; i++) {
      const { email } = this.#at(this.#users, i);
      const client = await SdkClient.signIn(`sdk${i}`, email, this.#url(), this.#recorder, this.#epochs);
      client.show(this.#at(this.#chats, i));
      this.#sdk.push(client);
    }
  }

  /** A workspace with some of the users, and a channel that whoever comes in enters. */
  async #prepareWorkspace(owner: Account): Promise<void> {
    const made = await owner.call('POST', '/api/workspaces', { name: 'Tides' });
    this.#workspace = textOf(made.body, 'id');
    const path = `/api/workspaces/${this.#workspace}`;
    await this.#create(owner, [], 'all', { type: 'PublicChannel', workspace_id: this.#workspace });
    await owner.call('PUT', path, { default_chat_ids: this.#chats.slice(-1) });
    const some = this.#users.slice(1).filter((_, index) => index % 2 === 0);
    const { status } = await owner.call('POST', `${path}/members`, { user_ids: some.map(({ id }) => id) });
    if (status !== 201) throw new Error(`the workspace was not made: ${status}`);
  }

  get #stage(): Stage {
    const [owner] = this.#users;
    if (owner === undefined) throw new Error('a plan has users');
    return {
      owner,
      users: this.#users,
      workspace: this.#workspace,
      acked: (chat) => this.#recorder.acked(chat),
      unique: () => {
        this.#names += 1;
        return `f${this.#plan.seed}-${this.#names}`;
      },
      perform: (who, call, method, path, body) => this.#do(who, call, method, path, body),
    };
  }

  async #create(
    owner: Account,
    others: Account[],
    history: 'all' | 'joined',
    kind: { type: 'Group' | 'PublicChannel'; workspace_id?: string } = { type: 'Group' },
  ): Promise<void> {
    const members = others.map(({ id }) => id);
    const body = { ...kind, name: 'Tides', members, history };
    const answer = await this.#do(owner, { do: 'create', members, history }, 'POST', '/api/chats', body);
    const chat = textOf(answer?.body, 'id');
    if (answer?.status !== 201 || chat === '') return;
    this.#chats.push(chat);
    this.#epochs.set(chat, textOf(answer.body, 'epoch'));
  }

  /** A request that is an operation of the history. undefined: nothing is known of what it did. */
  async #do(who: Account, call: Call, method: string, path: string, body?: unknown): Promise<Answered | undefined> {
    const ending = this.#recorder.invoke({ session: `main/${who.session}`, user: who.id }, call);
    return this.#end(ending, () => who.call(method, path, body));
  }

  async #end(ending: Ending, make: () => Promise<Answered>): Promise<Answered | undefined> {
    try {
      const answer = await make();
      if (answer.status >= 500 || answer.status === 429) ending.info(String(answer.status));
      else if (answer.status >= 400) ending.fail(textOf(answer.body, 'code'));
      else ending.ok(answerOf(answer.body));
      return answer;
    } catch (error) {
      ending.info(String(error));
      return undefined;
    }
  }

  /** Each at its time; none waits for another. */
  async #play<T extends { at: number }>(all: readonly T[], one: (item: T) => Promise<void> | void): Promise<void> {
    const begin = performance.now();
    await Promise.all(
      all.map(async (item) => {
        await delay(Math.max(0, item.at - (performance.now() - begin)));
        try {
          await one(item);
        } catch {
          // What could not be done to a server that is down was not done.
        }
      }),
    );
  }

  #client(index: number): RawClient | SdkClient {
    return this.#at([...this.#raw, ...this.#sdk], index);
  }

  async #step(step: Step): Promise<void> {
    const [owner] = this.#users;
    if (owner === undefined) return;
    switch (step.do) {
      case 'send': {
        const client = this.#client(step.client);
        for (let i = 0; i < step.count; i++) {
          this.#names += 1;
          const content = `${this.#names} ${'~'.repeat(this.#random.below(200))} 🌊`;
          const chat = this.#at(this.#chats, step.chat);
          if (client instanceof RawClient) client.send(chat, `c${this.#plan.seed}-${this.#names}`, content);
          else client.send(chat, content);
        }
        return;
      }
      case 'read':
        this.#client(step.client).read(this.#at(this.#chats, step.chat));
        return;
      case 'odd': {
        const client = this.#client(step.client);
        if (client instanceof RawClient) client.odd(this.#at(this.#chats, step.chat));
        return;
      }
      case 'add':
      case 'remove': {
        const chat = this.#at(this.#chats, step.chat);
        const { id } = this.#at(this.#users, step.user);
        const path = `/api/chats/${chat}/members`;
        if (step.do === 'add')
          await this.#do(owner, { do: 'add', chat, users: [id] }, 'POST', path, { user_ids: [id] });
        else await this.#do(owner, { do: 'remove', chat, user: id }, 'DELETE', `${path}/${id}`);
        return;
      }
      case 'rename': {
        this.#names += 1;
        const path = `/api/chats/${this.#at(this.#chats, step.chat)}`;
        await this.#do(owner, { do: 'other', what: 'rename' }, 'PUT', path, { name: `Tides ${this.#names}` });
        return;
      }
      case 'create':
        // The first user is in all of them.
        await this.#create(
          owner,
          [this.#at(this.#users, step.user)].filter((other) => other !== owner),
          'all',
        );
        return;
      case 'end-session':
        await this.#endSession(step.client);
        return;
      case 'suspend':
        await this.#suspend(step.user, step.lasts);
        return;
      case 'feature': {
        const scene = {
          who: this.#at(this.#users, step.user),
          chat: this.#at(this.#chats, step.chat),
          pick: step.pick,
        };
        await FEATURES[step.what](this.#stage, scene);
        return;
      }
    }
  }

  async #endSession(index: number): Promise<void> {
    const client = this.#at(this.#raw, index);
    const user = this.#users.find(({ email }) => email === client.account.email);
    if (user === undefined || client.account.session === '') return;
    const of = client.about.session;
    await this.#do(user, { do: 'end-session', of }, 'DELETE', `/api/auth/sessions/${client.account.session}`);
  }

  #setStatus(index: number, status: 'Suspended' | 'Active'): Promise<Answered | undefined> {
    const { id } = this.#at(this.#users, index);
    const call: Call = { do: status === 'Suspended' ? 'suspend' : 'restore', user: id };
    const ending = this.#recorder.invoke({ session: 'operator', user: 'operator' }, call);
    return this.#end(ending, async () => {
      const answer = await fetch(`${this.#direct()}/api/admin/users/${id}/status`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${this.#admin}`, 'content-type': 'application/json' },
        body: JSON.stringify({ status }),
        signal: AbortSignal.timeout(15_000),
      });
      return { status: answer.status, body: await answer.json() };
    });
  }

  async #suspend(index: number, lasts: number): Promise<void> {
    if (this.#suspended.has(index)) return;
    this.#suspended.add(index);
    await this.#setStatus(index, 'Suspended');
    await delay(lasts);
    await this.#restore(index);
  }

  async #restore(index: number): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      const answer = await this.#setStatus(index, 'Active');
      if (answer?.status === 200) {
        this.#suspended.delete(index);
        return;
      }
      await delay(300);
    }
  }

  async #fault(fault: Fault): Promise<void> {
    this.#faults[fault.kind] = (this.#faults[fault.kind] ?? 0) + 1;
    this.#recorder.note({ e: 'fault', kind: fault.kind });
    const server = this.#ready;
    const wire = this.#wire;
    switch (fault.kind) {
      case 'kill':
        return server.restart();
      case 'stall':
        return server.stall(fault.lasts);
      case 'cut':
        wire.cut();
        return;
      case 'down':
        wire.down = true;
        wire.cut();
        await delay(fault.lasts);
        wire.down = false;
        return;
      case 'slow':
        wire.latency = fault.latency;
        await delay(fault.lasts);
        wire.latency = 0;
        return;
      case 'hold':
        wire.hold(true);
        await delay(fault.lasts);
        wire.hold(false);
        return;
      case 'halve':
      case 'twice': {
        const fate = fault.kind === 'twice' ? 'twice' : 'cut within';
        wire.onFrame = ({ from }) =>
          (fate === 'cut within' || from === 'client') && this.#random.below(fault.one_in) === 0 ? fate : 'pass';
        await delay(fault.lasts);
        wire.onFrame = () => 'pass';
        return;
      }
      case 'clock':
        await server.clock(fault.skew);
        await delay(fault.lasts);
        await server.clock(0);
        return;
      case 'abort':
      case 'hibernate':
      case 'close': {
        await server.object(fault.of, this.#nameOf(fault.of, fault.which), fault.kind);
        return;
      }
      case 'failpoint':
        await server.failpoints([fault]);
        return;
      case 'queue':
        await server.queue(fault);
        await delay(fault.lasts);
        await server.queue({ twice: false, reversed: false });
        return;
      case 'disk':
        return this.#fillDisk(fault.lasts);
      case 'storm':
        return this.#storm(fault.sockets);
    }
  }

  #nameOf(kind: ObjectKind, which: number): string {
    if (kind === 'inbox') return this.#at(this.#users, which).id;
    if (kind === 'room') return this.#at(this.#chats, which);
    // Of the first conversation, in which everybody is; on one machine a relay is anywhere.
    return `${this.#at(this.#chats, 0)}/any-${1 + (which % RELAYS)}`;
  }

  async #fillDisk(lasts: number): Promise<void> {
    const { disk } = this.#ready;
    if (disk === undefined) return;
    const filler = join(disk, 'filler');
    const { bavail, bsize } = await statfs(disk);
    await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - 4096))).catch(() => undefined);
    await delay(lasts);
    await rm(filler, { force: true });
  }

  /** Everybody is cut off, and very many come at once. */
  async #storm(sockets: number): Promise<void> {
    this.#wire.cut();
    const url = `${this.#direct().replace('http', 'ws')}/api/ws`;
    const opened = Array.from({ length: sockets }, (_, i) => {
      const socket = new WebSocket(url, ['tideline.v1', `bearer.${this.#at(this.#users, i).token}`]);
      return new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(limit);
          socket.close();
          resolve();
        };
        const limit = setTimeout(end, 15_000);
        socket.addEventListener('message', end);
        socket.addEventListener('error', end);
        socket.addEventListener('close', end);
      });
    });
    await Promise.all(opened);
  }

  /** Ends every fault, and waits until nothing is left to be done. Returns how long telling took, in ms. */
  async #heal(): Promise<number> {
    const server = this.#ready;
    const wire = this.#wire;
    wire.down = false;
    wire.latency = 0;
    wire.onFrame = () => 'pass';
    wire.hold(false);
    await server.settled();
    if (!(await this.#healthy())) await server.restart();
    await server.failpoints([]);
    await server.clock(0);
    await server.queue({ twice: false, reversed: false });
    for (const client of this.#raw) client.dead = false;
    for (const index of [...this.#suspended]) await this.#restore(index);
    await this.#keepMessages();
    const healed = performance.now();
    this.#recorder.note({ e: 'healed' });
    const settled = await Promise.all(this.#raw.map((client) => client.settled(SETTLE_LIMIT)));
    for (const [index, done] of settled.entries()) if (!done) console.log(`  ${this.#raw[index]?.state}`);
    await this.#until(SETTLE_LIMIT, async () => {
      const late = performance.now() - healed > NUDGE;
      for (const client of this.#sdk) client.reconnect(late);
      return this.#sdk.every((client) => client.over !== undefined || (client.online && client.pending === 0));
    });
    const drained = await this.#until(DRAIN_LIMIT, async () => {
      const { outbox, alarms, tasks, relays } = await server.probe(this.#chats);
      this.#relays = Math.max(this.#relays, relays);
      if (tasks.length > 0) await server.sweep();
      return outbox === 0 && alarms === 0 && tasks.length === 0;
    });
    if (drained) this.#recorder.note({ e: 'drained' });
    return performance.now() - healed;
  }

  /** From here on nothing begins to vanish, where somebody has begun to have it vanish. */
  async #keepMessages(): Promise<void> {
    const chats = new Set(
      this.#recorder.entries.flatMap((entry) =>
        entry.e === 'invoke' && entry.call.do === 'timer' ? [entry.call.chat] : [],
      ),
    );
    for (const chat of chats) await setTimer(this.#stage, chat, null);
  }

  async #healthy(): Promise<boolean> {
    try {
      return (await fetch(`${this.#direct()}/healthz`, { signal: AbortSignal.timeout(5000) })).ok;
    } catch {
      return false;
    }
  }

  async #until(within: number, holds: () => Promise<boolean>): Promise<boolean> {
    for (const end = performance.now() + within; ; await delay(200)) {
      if (await holds().catch(() => false)) return true;
      if (performance.now() > end) return false;
    }
  }

  async #readEverything(): Promise<void> {
    // What vanishes has vanished by then, so that everybody reads the same.
    await delay(TIMER.seconds * 1000 + 500);
    const heads = new Map<string, Map<string, number>>();
    for (const user of this.#users) heads.set(user.id, await this.#readAll(user));
    const still = () =>
      this.#sdk.filter((client) => !client.holds(heads.get(client.about.user) ?? new Map(), this.#chats));
    const inStep = async () => still().length === 0;
    if (!(await this.#until(CONVERGE_LIMIT, inStep))) {
      // The runtime may hold a socket of an object that has failed: pings are answered, nothing else is.
      for (const client of still()) {
        this.#still += 1;
        client.wake();
      }
      await this.#until(CONVERGE_LIMIT, inStep);
    }
    for (const client of this.#sdk) await client.confess(this.#chats);
    await this.#fetchFiles();
    let findings: string[] = [];
    await this.#until(AUDIT_LIMIT, async () => {
      findings = await this.#audit();
      return findings.length === 0;
    });
    this.#recorder.note({ e: 'audit', findings });
    this.#recorder.conclude();
    await this.#fuzz();
  }

  /** Last of all: it may do away with anything. */
  async #fuzz(): Promise<void> {
    const { owner, workspace } = this.#stage;
    const known = { chat: this.#at(this.#chats, 0), workspace, user: this.#at(this.#users, 1).id };
    const { seed, fuzz: count } = this.#plan;
    await owner.renew();
    const about = { session: `main/${owner.session}`, user: owner.id };
    for (const hit of await fuzz({ url: this.#direct(), token: owner.token }, known, { count, seed })) {
      this.#recorder.note({ e: 'fuzz', ...hit, ...about });
    }
  }

  /** The files of the messages that the first user sees, who sees all. */
  async #fetchFiles(): Promise<void> {
    const { owner } = this.#stage;
    const about = { session: `main/${owner.session}`, user: owner.id };
    for (const chat of this.#chats) {
      if ((await owner.call('GET', `/api/chats/${chat}`)).status !== 200) continue;
      for (const message of await this.#messagesOf(owner, chat)) {
        const files = field(message, 'files');
        const ids = Array.isArray(files) ? files.map((file: unknown) => textOf(file, 'id')) : [];
        for (const file of ids) {
          const { status } = await owner.call('GET', `/api/chats/${chat}/files/${file}`);
          this.#recorder.note({ e: 'file', chat, seq: Number(field(message, 'seq')), file, status, ...about });
        }
      }
    }
  }

  /** What `npm run audit` finds, a line each. */
  async #audit(): Promise<string[]> {
    const findings: string[] = [];
    for (const part of AUDIT_PARTS) {
      for (let after = ''; ; ) {
        const { status, body } = await ask(this.#direct(), 'POST', '/api/admin/audit', this.#admin, { part, after });
        if (status !== 200) throw new Error(`the audit answers ${status}`);
        const found = field(body, 'findings');
        if (Array.isArray(found)) findings.push(...found.map((finding) => JSON.stringify(finding)));
        after = textOf(body, 'next_cursor');
        if (after === '') break;
      }
    }
    return findings;
  }

  async #readAll(user: Account): Promise<Map<string, number>> {
    const about = { session: `main/${user.session}`, user: user.id };
    const rows: Record<string, unknown> = {};
    const heads = new Map<string, number>();
    for (let cursor = ''; ; ) {
      const page = await this.#get(user, `/api/chats?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`);
      for (const row of items(page)) {
        const id = textOf(row, 'id');
        if (!this.#chats.includes(id)) continue;
        rows[id] = comparable(row);
        heads.set(id, Number(field(row, 'head_seq')));
      }
      cursor = textOf(page, 'next_cursor');
      if (cursor === '') break;
    }
    for (const chat of Object.keys(rows)) {
      this.#recorder.note({ e: 'log', chat, ...(await this.#log(user, chat)), ...about });
      this.#recorder.note({ e: 'messages', chat, messages: await this.#messagesOf(user, chat), ...about });
    }
    this.#recorder.note({ e: 'fresh', rows, ...about });
    return heads;
  }

  async #get(user: Account, path: string): Promise<unknown> {
    const { status, body } = await user.call('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async #log(
    user: Account,
    chat: string,
  ): Promise<{ epoch: string; head: number; events: SeenEvent[]; holes: Hole[] }> {
    const events: SeenEvent[] = [];
    const holes: Hole[] = [];
    for (let after = 0; ; ) {
      const page = await this.#get(
        user,
        `/api/chats/${chat}/events?after=${after}&limit=${this.#random.between(20, 500)}`,
      );
      const got = items(page) as SeenEvent[];
      events.push(...got);
      holes.push(...((field(page, 'holes') ?? []) as Hole[]));
      after = got.at(-1)?.seq ?? after;
      if (field(page, 'has_more') !== true) {
        return { epoch: textOf(page, 'epoch'), head: Number(field(page, 'head_seq')), events, holes };
      }
    }
  }

  async #messagesOf(user: Account, chat: string): Promise<unknown[]> {
    const all: unknown[] = [];
    for (let after = 0; ; ) {
      const page = await this.#get(user, `/api/chats/${chat}/messages?after=${after}&limit=200`);
      all.push(...items(page));
      if (field(page, 'has_more') !== true) return all;
      after = Number(field(items(page).at(-1), 'seq'));
    }
  }

  #outcome(drainMs: number): Outcome {
    const history = this.#recorder.entries;
    const sends = history.filter((entry) => entry.e === 'invoke' && entry.call.do === 'send').length;
    const calls = new Map(
      history.flatMap((entry) => (entry.e === 'invoke' ? [[entry.op, entry.call.do] as const] : [])),
    );
    const acked = history.flatMap((entry) => (entry.e === 'ok' && entry.answer.seq !== undefined ? [entry] : []));
    const acks = acked.filter(({ op }) => calls.get(op) === 'send');
    const others = (e: 'ok' | 'fail' | 'info') =>
      history.filter((entry) => entry.e === e && !['send', 'change'].includes(calls.get(entry.op) ?? '')).length;
    return {
      violations: check(history),
      faults: this.#faults,
      sends,
      acked: acks.length,
      resent: acks.filter(({ answer }) => answer.duplicate).length,
      changed: acked.filter(({ op }) => calls.get(op) === 'change').length,
      requests: { ok: others('ok'), refused: others('fail'), unknown: others('info') },
      fuzzed: this.#recorder.count('fuzz'),
      observed: history.reduce((sum, entry) => sum + ('events' in entry ? entry.events.length : 0), 0),
      drainMs,
      relays: this.#relays,
      still: this.#still,
      locks: this.#ready.locks,
      peakBytes: this.#ready.peak,
      broke: [...this.#ready.broke],
      lines: this.#ready.lines.filter((line) => /uncaught|segfault|fatal|restart has failed/i.test(line)).slice(0, 5),
      history,
    };
  }
}

async function inTurns<T>(list: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = list[Symbol.iterator]();
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
