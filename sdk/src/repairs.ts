import type { ErrorFrame } from '../../src/protocol/frames.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { isBehind, type LogPage } from '../../src/protocol/reduce.ts';
import { Backoff } from './backoff.ts';
import type { Conversation } from './conversation.ts';
import { type Environment, sleep } from './environment.ts';
import { asError, NetworkError, TidelineError } from './errors.ts';

/** What is missing usually arrives by itself on the other connection: it is asked for after this long, ms. */
const GRACE = 150;
const ANSWER_WITHIN = 10_000;
/** Conversations repaired at the same time. */
const PARALLEL = 4;
/** Pulls in a row that brought nothing. */
const FRUITLESS_MAX = 5;

export interface RepairPorts {
  /** The connection to pull on: the conversation's own, else the inbox's; null when neither is open. */
  route(chatId: string): string | null;
  pull(route: string, chatId: string, after: number, limit: number): void;
  restart(route: string, reason: string): void;
  /** The same over REST. */
  fetch(chatId: string, after: number, limit: number): Promise<LogPage>;
  apply(chatId: string, page: LogPage): void;
  /** The connection holds everything again. */
  caughtUp(route: string, chatId: string): void;
  fault(error: Error): void;
}

interface Asked {
  resolve(hasMore: boolean): void;
  reject(error: Error): void;
}

/** Closes gaps: pulls what is missing until the head is reached. */
export class Repairs {
  readonly #environment: Environment;
  readonly #ports: RepairPorts;
  readonly #waiting = new Map<string, () => void>();
  readonly #queue: Conversation[] = [];
  readonly #queued = new Set<string>();
  /** Connections on which the server has stopped pushing a conversation, until a pull reaches the head. */
  readonly #lagging = new Map<string, Set<string>>();
  readonly #asked = new Map<string, Asked>();
  #running = 0;
  /** Aborted while the client is offline: nothing is repaired then. */
  #stopped = aborted();

  constructor(environment: Environment, ports: RepairPorts) {
    this.#environment = environment;
    this.#ports = ports;
  }

  /** Looks whether the conversation is behind, and repairs it in a moment if it still is. */
  check(conversation: Conversation): void {
    if (this.#stopped.signal.aborted) return;
    const { id } = conversation;
    if (!needed(conversation)) {
      this.#waiting.get(id)?.();
      this.#waiting.delete(id);
    } else if (!this.#waiting.has(id) && !this.#queued.has(id)) {
      const wait = GRACE * (1 + this.#environment.random());
      const cancel = this.#environment.clock.after(wait, () => {
        this.#waiting.delete(id);
        this.#enqueue(conversation);
      });
      this.#waiting.set(id, cancel);
    }
  }

  /** The server has stopped pushing the conversation on this connection. */
  lag(route: string, conversation: Conversation): void {
    const chats = this.#lagging.get(route) ?? new Set();
    this.#lagging.set(route, chats.add(conversation.id));
    this.#enqueue(conversation);
  }

  /** The answer to a pull. */
  answered(route: string, chatId: string, hasMore: boolean): void {
    this.#asked.get(`${route} ${chatId}`)?.resolve(hasMore);
  }

  /** @returns whether the error answers a pull */
  refused(route: string, frame: ErrorFrame): boolean {
    const asked = this.#asked.get(`${route} ${frame.chat_id}`);
    asked?.reject(new TidelineError(frame.code, frame.message, { retryAfter: frame.retry_after }));
    return asked !== undefined;
  }

  /** The connection ended. */
  lost(route: string): void {
    this.#lagging.delete(route);
    for (const [key, asked] of this.#asked) {
      if (key.startsWith(`${route} `)) asked.reject(new NetworkError('The connection was lost'));
    }
  }

  start(): void {
    this.#stopped = new AbortController();
  }

  stop(): void {
    this.#stopped.abort();
    this.#lagging.clear();
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#queue.length = 0;
    this.#queued.clear();
  }

  #enqueue(conversation: Conversation): void {
    if (this.#queued.has(conversation.id)) return;
    this.#queued.add(conversation.id);
    if (conversation.onScreen) this.#queue.unshift(conversation);
    else this.#queue.push(conversation);
    this.#next();
  }

  #next(): void {
    while (this.#running < PARALLEL) {
      const conversation = this.#queue.shift();
      if (conversation === undefined) return;
      this.#running++;
      const { signal } = this.#stopped;
      void this.#repair(conversation, signal).finally(() => {
        this.#running--;
        if (!signal.aborted) {
          this.#queued.delete(conversation.id);
          this.check(conversation);
        }
        this.#next();
      });
    }
  }

  async #repair(conversation: Conversation, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#environment.random, 300, 10_000);
    let fruitless = 0;
    while (!signal.aborted && (needed(conversation) || this.#lagsOn(conversation.id) !== null)) {
      const before = conversation.log;
      let failure: Error | undefined;
      try {
        await this.#pull(conversation);
      } catch (error) {
        if (error instanceof TidelineError && ['not_found', 'forbidden'].includes(error.code)) {
          // No longer a member: the list will say so.
          conversation.log = { ...conversation.log, head: conversation.log.upto };
          this.#forgetLag(conversation.id);
          return;
        }
        failure = asError(error);
      }
      const moved = conversation.log.upto !== before.upto || conversation.log.epoch !== before.epoch;
      if (moved) {
        fruitless = 0;
        backoff.reset();
      } else if (failure !== undefined || needed(conversation)) {
        if (++fruitless > FRUITLESS_MAX) {
          const cause = failure === undefined ? {} : { cause: failure };
          this.#ports.fault(new TidelineError('unavailable', `${conversation.id}: missing events did not come`, cause));
          // The next page or hint of the conversation starts it again.
          conversation.log = { ...conversation.log, head: conversation.log.upto };
          return;
        }
        const retryAfter = failure instanceof TidelineError ? (failure.retryAfter ?? 0) : 0;
        await sleep(this.#environment.clock, backoff.next(retryAfter * 1000), signal);
      }
    }
  }

  async #pull(conversation: Conversation): Promise<void> {
    const { id } = conversation;
    const after = conversation.log.upto;
    const lagging = this.#lagsOn(id);
    const route = lagging ?? this.#ports.route(id);
    if (route === null) {
      this.#ports.apply(id, await this.#ports.fetch(id, after, LIMITS.pageMax));
      return;
    }
    const hasMore = await this.#ask(route, id, after);
    if (lagging !== null && !hasMore) {
      this.#lagging.get(lagging)?.delete(id);
      this.#ports.caughtUp(lagging, id);
    }
  }

  #ask(route: string, chatId: string, after: number): Promise<boolean> {
    const key = `${route} ${chatId}`;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        cancel();
        this.#asked.delete(key);
        act();
      };
      const cancel = this.#environment.clock.after(ANSWER_WITHIN, () => {
        settle(() => reject(new NetworkError('A pull was not answered')));
        this.#ports.restart(route, 'A pull was not answered');
      });
      this.#asked.set(key, {
        resolve: (hasMore) => settle(() => resolve(hasMore)),
        reject: (error) => settle(() => reject(error)),
      });
      this.#ports.pull(route, chatId, after, LIMITS.pageMax);
    });
  }

  #lagsOn(chatId: string): string | null {
    for (const [route, chats] of this.#lagging) if (chats.has(chatId)) return route;
    return null;
  }

  #forgetLag(chatId: string): void {
    for (const chats of this.#lagging.values()) chats.delete(chatId);
  }
}

function aborted(): AbortController {
  const controller = new AbortController();
  controller.abort();
  return controller;
}

const needed = (conversation: Conversation): boolean =>
  conversation.gone === undefined && conversation.started && isBehind(conversation.log);
