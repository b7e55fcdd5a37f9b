import { type Chat, type HistoryWindow, NetworkError, type TidelineClient } from '@tideline/sdk';
import type { FeedPorts } from './feed.ts';
import { Lines } from './lines.ts';
import { OncePerTurn } from './once-per-turn.ts';
import type { Line } from './protocol.ts';
import type { Rooms } from './rooms.ts';
import { difference } from './splice.ts';

/** Replies brought at a time. */
const PAGE = 60;

/** One thread on one screen: its first message, then the replies. Tells of changes as splices. */
export class ThreadFeed {
  readonly #client: TidelineClient;
  readonly #rooms: Rooms;
  readonly #chat: Chat;
  readonly #root: number;
  readonly #ports: FeedPorts;
  readonly #lines = new Lines();
  readonly #stops: (() => void)[] = [];
  #shown: readonly Line[] = [];
  /** The first message and replies from before what is held, where it is not held whole. */
  #first: HistoryWindow | undefined;
  #older: HistoryWindow | undefined;
  #ready = false;
  readonly #updates = new OncePerTurn(() => this.#update());

  constructor(client: TidelineClient, rooms: Rooms, chatId: string, root: number, ports: FeedPorts) {
    this.#client = client;
    this.#rooms = rooms;
    this.#chat = client.chat(chatId);
    this.#root = root;
    this.#ports = ports;
  }

  get chatId(): string {
    return this.#chat.id;
  }

  async open(): Promise<void> {
    const chat = this.#chat;
    const plan = () => this.plan();
    this.#stops.push(
      chat.on('timeline', plan),
      chat.on('events', (events) => {
        const self = this.#client.user?.id;
        this.#first?.follow(events, self);
        this.#older?.follow(events, self);
        plan();
      }),
      chat.on('reset', () => void this.#load()),
      chat.on('receipt', plan),
      chat.on('gone', plan),
      // What could not be asked for without a network.
      this.#client.on('connection', ({ state }) => {
        if (state === 'online' && this.#first === undefined) void this.#load();
      }),
    );
    const opening = this.#rooms.enter(chat.id);
    // It goes on connecting by itself; what is missing is asked for below.
    opening.catch(() => undefined);
    await chat.restore();
    // What is held ends somewhere only once the conversation is open; a thread that is held whole waits for nothing.
    if (chat.message(this.#root) === undefined) await opening.catch(() => undefined);
    await this.#load();
    this.#ready = true;
    this.plan();
  }

  close(): void {
    this.#updates.stop();
    for (const stop of this.#stops) stop();
    this.#rooms.leave(this.#chat.id);
  }

  async more(side: 'older' | 'newer' | 'latest'): Promise<void> {
    if (side !== 'older') return;
    await this.#attempt(async () => {
      await this.#older?.loadOlder(PAGE);
    });
    this.plan();
  }

  /** Everything of a thread that is shown is on screen already. */
  async jump(): Promise<void> {
    this.plan();
  }

  /** Tells what has changed, once for all that changes in a turn. */
  plan(): void {
    this.#updates.plan();
  }

  /** What is held is contiguous: whoever holds the first message holds every reply. */
  async #load(): Promise<void> {
    const chat = this.#chat;
    if (chat.message(this.#root) !== undefined) return;
    const held = chat.events[0]?.seq ?? chat.seq + 1;
    await this.#attempt(async () => {
      const [first, older] = await Promise.all([
        chat.around(this.#root, { page: 2 }),
        chat.repliesAround(this.#root, held, { page: PAGE }),
      ]);
      this.#first = first;
      this.#older = older;
    });
    this.plan();
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof NetworkError)) this.#ports.fault(error);
    }
  }

  #update(): void {
    const chat = this.#chat;
    const root = chat.message(this.#root) ?? this.#first?.items.find(({ seq }) => seq === this.#root);
    const held = chat.thread(this.#root);
    const from = chat.message(this.#root) === undefined ? (chat.events[0]?.seq ?? Number.POSITIVE_INFINITY) : 0;
    const older = (this.#older?.items ?? []).filter(({ seq }) => seq < from && !chat.isHidden(seq));
    const lines = this.#lines.of(root === undefined ? older : [root, ...older], held, []);
    const splice = difference(this.#shown, lines);
    this.#shown = lines;
    this.#ports.tell({
      splice,
      state: {
        ready: this.#ready,
        hasOlder: from > 0 && this.#older?.hasOlder === true,
        hasNewer: false,
        readAtOpen: 0,
        unreadAtOpen: 0,
        readSeq: chat.readSeq,
        headSeq: chat.headSeq,
        others: this.#rooms.others(chat.id),
        gone: chat.gone,
      },
    });
  }
}
