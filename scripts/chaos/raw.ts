import { setTimeout as delay } from 'node:timers/promises';
import type { Hole, SeenEvent } from '../../test/chaos/checker/history.ts';
import { type Account, field, textOf } from './account.ts';
import type { Ending, Recorder } from './recorder.ts';

const ANSWER_LIMIT = 4000;
const CONFIRM_EVERY = 20;

interface Followed {
  last: number;
  /** Pulls that are not answered yet, oldest first. */
  asked: { after: number; at: number }[];
  answered?: { after: number; at: number };
}
interface Waiting {
  content: string;
  chat: string;
  ending: Ending;
  timer: NodeJS.Timeout;
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
const numberOf = (value: unknown, name: string): number => Number(field(value, name) ?? 0);

/**
 * A client written from the protocol alone: one socket, of one conversation or of the inbox, that reconnects, pulls what it
 * lacks, and sends again what was not acknowledged. Everything that it hears is noted.
 */
export class RawClient {
  readonly name: string;
  readonly account: Account;
  readonly #recorder: Recorder;
  readonly #url: () => string;
  /** The conversation of a room socket; undefined for an inbox socket. */
  readonly #chat: string | undefined;
  readonly #followed = new Map<string, Followed>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #unsent: { chat: string; client_id: string; content: string }[] = [];
  #cursor: string | undefined;
  #socket: WebSocket | undefined;
  /** Goes on as if the socket had closed: one that is dead may never say so. */
  #abandon: () => void = () => undefined;
  #stopped = false;
  #run: Promise<void> | undefined;
  #confirmed = 0;
  #session = 0;
  /** It does not confirm what it gets, nor does it pull: a dead consumer. */
  dead = false;

  constructor(name: string, account: Account, url: () => string, recorder: Recorder, chat?: string) {
    this.name = name;
    this.account = account;
    this.#url = url;
    this.#recorder = recorder;
    this.#chat = chat;
    if (chat !== undefined) this.#follow(chat);
  }

  get about(): { session: string; user: string } {
    return { session: `${this.name}/${this.#session}/${this.account.session}`, user: this.account.id };
  }

  #follow(chat: string): Followed {
    let followed = this.#followed.get(chat);
    if (followed === undefined) {
      followed = { last: 0, asked: [] };
      this.#followed.set(chat, followed);
    }
    return followed;
  }

  start(): void {
    this.#stopped = false;
    this.#run ??= this.#keepConnected();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#socket?.close();
    await this.#run;
    this.#run = undefined;
    for (const [id] of this.#waiting) this.#lost(id, 'stopped');
  }

  /** For a report of what does not settle. */
  get state(): string {
    const { length } = this.#unsent;
    return `${this.name}: ${length} unsent, ${this.#waiting.size} unanswered, socket ${this.#socket?.readyState}`;
  }

  /** Waits until nothing is left to be acknowledged. Returns whether that came true. */
  async settled(within: number): Promise<boolean> {
    for (const end = Date.now() + within; this.#unsent.length + this.#waiting.size > 0; await delay(20)) {
      if (Date.now() > end) return false;
    }
    return true;
  }

  send(chat: string, client_id: string, content: string): void {
    this.#unsent.push({ chat, client_id, content });
    this.#flush();
  }

  read(chat: string): void {
    this.#emit([{ t: 'read', chat_id: chat, seq: this.#follow(chat).last }]);
  }

  /** Frames as a client of another version may send them. Whatever the server makes of them, it is no crash. */
  odd(chat: string): void {
    this.#emit([{ t: 'wave', chat_id: chat }, { t: 'read', chat_id: chat, seq: 0, shade: 'blue' }, 17, null]);
    this.#raw('ping');
    this.#raw('{"t":"send"');
  }

  #raw(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #emit(frames: unknown[]): void {
    this.#raw(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  #flush(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const frames = this.#unsent.splice(0, 50).map(({ chat, client_id, content }) => {
      const ending = this.#recorder.invoke(this.about, { do: 'send', chat, client_id, content });
      const timer = setTimeout(() => this.#silence(client_id), ANSWER_LIMIT);
      this.#waiting.set(client_id, { chat, content, ending, timer });
      return { t: 'send', client_id, chat_id: chat, content };
    });
    if (frames.length > 0) this.#emit(frames);
  }

  /** A socket on which nothing is answered is taken for dead, as a client's heartbeat would have it. */
  #silence(client_id: string): void {
    this.#abandon();
    this.#lost(client_id, 'no answer');
  }

  #lost(client_id: string, why: string): void {
    const waiting = this.#take(client_id);
    if (waiting === undefined) return;
    waiting.ending.info(why);
    if (this.#stopped) return;
    this.#unsent.push({ chat: waiting.chat, client_id, content: waiting.content });
    this.#flush();
  }

  #take(client_id: string): Waiting | undefined {
    const waiting = this.#waiting.get(client_id);
    this.#waiting.delete(client_id);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  async #keepConnected(): Promise<void> {
    for (let pause = 50; !this.#stopped; pause = Math.min(1000, pause * 2)) {
      const { code, opened } = await this.#connect();
      for (const id of [...this.#waiting.keys()]) this.#lost(id, 'the connection was lost');
      for (const followed of this.#followed.values()) followed.asked = [];
      if (this.#stopped) return;
      if (opened) pause = 50;
      // Not, or no longer, in the conversation: one may be let in again.
      if (code === 4403 || code === 4404) {
        this.#unsent.length = 0;
        await delay(300);
      }
      if (code === 4401) await this.#newToken();
      await delay(pause);
    }
  }

  async #newToken(): Promise<void> {
    const before = this.account.session;
    await this.account.renew().catch(() => undefined);
    // Another session may go back: what it holds, it holds anew.
    if (this.account.session !== before) this.#session += 1;
  }

  #connect(): Promise<{ code: number; opened: boolean }> {
    const chat = this.#chat;
    const after = chat === undefined ? 0 : this.#follow(chat).last;
    const path =
      chat === undefined
        ? `/api/ws${this.#cursor === undefined ? '' : `?cursor=${encodeURIComponent(this.#cursor)}`}`
        : `/api/chats/${chat}/ws?after=${after}`;
    const socket = new WebSocket(`${this.#url().replace('http', 'ws')}${path}`, [
      'tideline.v1',
      `bearer.${this.account.token}`,
    ]);
    this.#socket = socket;
    if (chat !== undefined) this.#follow(chat).asked = [{ after, at: this.#recorder.now() }];
    return new Promise((resolve) => {
      let opened = false;
      const limit = setTimeout(() => socket.close(), 10_000);
      socket.addEventListener('open', () => {
        clearTimeout(limit);
        opened = true;
        this.#flush();
        if (chat === undefined) for (const id of this.#followed.keys()) this.#pull(id);
      });
      this.#abandon = () => {
        clearTimeout(limit);
        socket.close();
        resolve({ code: 1006, opened });
      };
      socket.addEventListener('message', ({ data }) => {
        if (this.#socket === socket) this.#heard(String(data));
      });
      socket.addEventListener('error', () => undefined);
      socket.addEventListener('close', ({ code }) => {
        clearTimeout(limit);
        resolve({ code, opened });
      });
    });
  }

  #heard(text: string): void {
    if (text === 'pong') return;
    for (const frame of list(JSON.parse(text))) this.#frame(frame);
    this.#flush();
  }

  #frame(frame: unknown): void {
    const chat = textOf(frame, 'chat_id');
    switch (field(frame, 't')) {
      case 'ack': {
        const waiting = this.#take(textOf(frame, 'client_id'));
        waiting?.ending.ok({ seq: numberOf(frame, 'seq'), duplicate: field(frame, 'duplicate') === true });
        return;
      }
      case 'error':
        this.#refused(frame);
        return;
      case 'events':
        this.#events(chat, frame);
        return;
      case 'receipt': {
        const [read, delivered] = [numberOf(frame, 'read_seq'), numberOf(frame, 'delivered_seq')];
        this.#recorder.note({ e: 'receipt', chat, of: textOf(frame, 'user_id'), read, delivered, ...this.about });
        return;
      }
      case 'lag':
        this.#pull(chat);
        return;
      case 'inbox':
        this.#cursor = textOf(frame, 'cursor');
        for (const change of list(field(frame, 'changes'))) this.#changed(change);
        return;
    }
  }

  #refused(frame: unknown): void {
    const id = textOf(frame, 'client_id');
    const waiting = this.#take(id);
    if (waiting === undefined) {
      if (textOf(frame, 'message').endsWith('pull again')) this.#pullAgain(textOf(frame, 'chat_id'));
      return;
    }
    const code = textOf(frame, 'code');
    if (code !== 'unavailable' && code !== 'rate_limited') {
      waiting.ending.fail(code);
      return;
    }
    waiting.ending.info(code);
    const { chat, content } = waiting;
    setTimeout(() => {
      this.#unsent.push({ chat, client_id: id, content });
      this.#flush();
    }, 300);
  }

  /** A page did not come. */
  #pullAgain(chat: string): void {
    const socket = this.#socket;
    this.#follow(chat).asked.shift();
    setTimeout(() => {
      if (this.#socket === socket) this.#pull(chat);
    }, 300);
  }

  #changed(change: unknown): void {
    const chat = textOf(change, 'chat_id');
    if (field(change, 'type') !== 'chat') return;
    const head = numberOf(field(change, 'chat'), 'head_seq');
    const followed = this.#follow(chat);
    if (head > followed.last && followed.asked.length === 0) this.#pull(chat);
  }

  #pull(chat: string): void {
    if (this.dead || this.#socket?.readyState !== WebSocket.OPEN) return;
    const followed = this.#follow(chat);
    if (followed.asked.length > 0) return;
    followed.asked.push({ after: followed.last, at: this.#recorder.now() });
    this.#emit([{ t: 'pull', chat_id: chat, after: followed.last, limit: 200 }]);
  }

  #events(chat: string, frame: unknown): void {
    const followed = this.#follow(chat);
    const events = list(field(frame, 'events')) as SeenEvent[];
    const about = { chat, epoch: textOf(frame, 'epoch'), head: numberOf(frame, 'head_seq'), events, ...this.about };
    const more = field(frame, 'has_more');
    if (typeof more !== 'boolean') {
      this.#recorder.note({ e: 'push', ...about });
      const first = events[0]?.seq ?? 0;
      if (first > followed.last + 1) this.#pull(chat);
      else this.#advance(chat, followed, events);
      return;
    }
    // A pull that the network doubled is answered twice.
    const asked = followed.asked.shift() ?? followed.answered;
    if (asked === undefined) throw new Error(`${this.name}: a page that nobody asked for`);
    followed.answered = asked;
    const reset = field(frame, 'reset') === true;
    const holes = (field(frame, 'holes') ?? []) as Hole[];
    this.#recorder.note({ e: 'page', asked: asked.at, after: asked.after, has_more: more, reset, holes, ...about });
    if (reset) followed.last = 0;
    for (const { to_seq } of holes) followed.last = Math.max(followed.last, to_seq);
    this.#advance(chat, followed, events);
    if (more) this.#pull(chat);
  }

  #advance(chat: string, followed: Followed, events: SeenEvent[]): void {
    followed.last = Math.max(followed.last, events.at(-1)?.seq ?? 0);
    this.#confirmed += events.length;
    if (this.dead || this.#confirmed < CONFIRM_EVERY) return;
    this.#confirmed = 0;
    this.#emit([{ t: 'got', chat_id: chat, seq: followed.last }]);
  }
}
