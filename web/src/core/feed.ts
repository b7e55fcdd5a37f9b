import { type Chat, type HistoryWindow, NetworkError, type TidelineClient, TidelineError } from '@tideline/sdk';
import { Lines } from './lines.ts';
import { OncePerTurn } from './once-per-turn.ts';
import type { Line, Splice, TimelineState } from './protocol.ts';
import type { Rooms } from './rooms.ts';
import { difference } from './splice.ts';

/** Events brought at a time. */
const PAGE = 100;
/** Unread events that are loaded to begin at the first of them; with more, the view begins in a window of its own. */
const UNREAD_MAX = 1_000;
/** Events shown before the first unread one. */
const CONTEXT = 20;
/** A view does not wait longer than this for the network when something is here already; ms. */
const PATIENCE = 1_500;
const PAGE_MAX = 500;

export type FeedUpdate = { splice: Splice<Line> | undefined; state: TimelineState };

export interface FeedPorts {
  readonly tell: (update: FeedUpdate) => void;
  readonly fault: (error: unknown) => void;
}

/** One conversation on one screen: its lines, and where they begin and end. Tells of changes as splices. */
export class Feed {
  readonly #client: TidelineClient;
  readonly #rooms: Rooms;
  readonly #chat: Chat;
  readonly #tell: (update: FeedUpdate) => void;
  readonly #fault: (error: unknown) => void;
  readonly #lines = new Lines();
  readonly #stops: (() => void)[] = [];
  #shown: readonly Line[] = [];
  #window: HistoryWindow | undefined;
  #ready = false;
  readonly #updates = new OncePerTurn(() => this.#update());
  #readAtOpen = 0;
  #unreadAtOpen = 0;

  constructor(client: TidelineClient, rooms: Rooms, chatId: string, { tell, fault }: FeedPorts) {
    this.#client = client;
    this.#rooms = rooms;
    this.#chat = client.chat(chatId);
    this.#tell = tell;
    this.#fault = fault;
  }

  get chatId(): string {
    return this.#chat.id;
  }

  /** @param at a message to begin at, in place of the first unread one */
  async open(at: number | undefined): Promise<void> {
    const chat = this.#chat;
    this.#readAtOpen = chat.readSeq;
    this.#unreadAtOpen = chat.unread;
    const plan = () => this.plan();
    this.#stops.push(
      chat.on('timeline', plan),
      chat.on('events', (events) => {
        this.#window?.follow(events, this.#client.user?.id);
        plan();
      }),
      chat.on('reset', () => {
        this.#window = undefined;
        plan();
      }),
      chat.on('receipt', plan),
      chat.on('gone', plan),
    );
    const opening = this.#rooms.enter(chat.id);
    // It goes on connecting by itself; what it needs to know is asked for below.
    opening.catch(() => undefined);
    await chat.restore();
    if (at === undefined && (this.#client.state === 'offline' || this.#complete())) this.#begin();
    const timer = setTimeout(() => at === undefined && chat.events.length > 0 && this.#begin(), PATIENCE);
    try {
      await opening.catch((error: unknown) => {
        if (error instanceof TidelineError && error.status === 404) throw error;
      });
      if (at === undefined) await this.#reachUnread();
      else await this.jump(at);
    } catch (error) {
      if (!(error instanceof NetworkError)) this.#fault(error);
    } finally {
      clearTimeout(timer);
      this.#begin();
    }
  }

  close(): void {
    this.#updates.stop();
    for (const stop of this.#stops) stop();
    this.#rooms.leave(this.#chat.id);
  }

  async more(side: 'older' | 'newer' | 'latest'): Promise<void> {
    try {
      if (side === 'latest') this.#window = undefined;
      else if (side === 'newer') await this.#window?.loadNewer(PAGE);
      else if (this.#window !== undefined) await this.#window.loadOlder(PAGE);
      else await this.#chat.loadOlder(PAGE);
    } catch (error) {
      if (!(error instanceof NetworkError)) this.#fault(error);
    }
    this.plan();
  }

  /** Shows the message and what is around it. */
  async jump(seq: number): Promise<void> {
    const first = this.#chat.events[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (seq < first) this.#window = await this.#chat.around(seq, { page: PAGE });
    else this.#window = undefined;
    this.plan();
  }

  /** Tells what has changed, once for all that changes in a turn. */
  plan(): void {
    this.#updates.plan();
  }

  #begin(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.plan();
  }

  /** Everything up to the newest is here, and so is the first unread message. */
  #complete(): boolean {
    const chat = this.#chat;
    const first = chat.events[0]?.seq;
    if (first === undefined || chat.seq < Math.max(chat.headSeq, chat.row?.head_seq ?? 0)) return false;
    return first <= this.#readAtOpen + 1 || !chat.hasOlder;
  }

  async #reachUnread(): Promise<void> {
    const chat = this.#chat;
    if (this.#unreadAtOpen === 0) return;
    const missing = () => (chat.events[0]?.seq ?? chat.seq + 1) - 1 - Math.max(0, this.#readAtOpen - CONTEXT);
    if (missing() > UNREAD_MAX) {
      this.#window = await chat.around(this.#readAtOpen + 1, { page: PAGE });
      return;
    }
    for (let left = missing(); left > 0 && chat.hasOlder; left = missing()) {
      if ((await chat.loadOlder(Math.min(PAGE_MAX, left))) === 0) return;
    }
  }

  #update(): void {
    const chat = this.#chat;
    const window = this.#window;
    const first = chat.events[0]?.seq ?? Number.POSITIVE_INFINITY;
    const joined = window === undefined || !window.hasNewer || (window.items.at(-1)?.seq ?? 0) + 1 >= first;
    const shown = (window?.items ?? []).filter(({ seq }) => !chat.isHidden(seq));
    const before = joined ? shown.filter(({ seq }) => seq < first) : shown;
    const lines = joined ? this.#lines.of(before, chat.timeline, chat.events) : this.#lines.of(before, [], []);
    const splice = difference(this.#shown, lines);
    this.#shown = lines;
    this.#tell({
      splice,
      state: {
        ready: this.#ready,
        hasOlder: window === undefined ? chat.hasOlder || chat.events.length === 0 : window.hasOlder,
        hasNewer: !joined,
        readAtOpen: this.#readAtOpen,
        unreadAtOpen: this.#unreadAtOpen,
        readSeq: chat.readSeq,
        headSeq: chat.headSeq,
        others: this.#rooms.others(chat.id),
        gone: chat.gone,
      },
    });
  }
}
