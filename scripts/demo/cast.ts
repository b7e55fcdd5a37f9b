import { type Chat, createClient, type TidelineClient, TidelineError, type User } from '../../sdk/src/index.ts';
import { Ledger, type SharedLog } from './ledger.ts';

/** Longest wait for anything that one person waits for, ms. */
export const PATIENCE = 60_000;
const SIGN_UPS_AT_ONCE = 4;
/** A deployed server limits sign-ups from one address: so often a sign-up waits for its turn. */
const SIGN_UP_TRIES = 20;
const CONNECTS_AT_ONCE = 8;
const PASSWORD = 'correct horse battery staple';

export interface CatchUp {
  ms: number;
  events: number;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${PATIENCE / 1000} s`);
    await pause(5);
  }
}

/** Runs `task` for every item, at most `width` at once. */
export async function parallel<T>(items: Iterable<T>, width: number, task: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await task(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** One user of the demo: a client of the SDK, and the ledger of what it was given. */
export class Player {
  readonly name: string;
  readonly user: User;
  readonly ledger: Ledger;
  readonly catchUps: CatchUp[] = [];
  /** What the client reported on its own; it goes on by itself. */
  readonly errors: Error[] = [];
  /** Whether it follows the conversation on its own socket, beside the inbox's. */
  readonly onScreen: boolean;
  member = false;
  /** Connected, or about to be. */
  online = false;
  /** When it was last needed, for the one who looks for somebody to disconnect. */
  used = 0;
  readonly #client: TidelineClient;
  #chat: Chat | undefined;
  /** What this membership lets it see was taken up, from its first event on. */
  #entered = false;

  private constructor(client: TidelineClient, user: User, name: string, shared: SharedLog, onScreen: boolean) {
    this.#client = client;
    this.user = user;
    this.name = name;
    this.onScreen = onScreen;
    this.ledger = new Ledger(shared);
    client.on('error', (error) => this.errors.push(error));
    client.on('signedout', () => this.ledger.fault('signed out by the server'));
  }

  static async signUp(
    url: string,
    account: { name: string; email: string },
    shared: SharedLog,
    onScreen: boolean,
  ): Promise<Player> {
    const client = await createClient({ url, device: 'demo' });
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { name, email } = account;
        const user = await client.signUp({ fullname: name, email, password: PASSWORD });
        return new Player(client, user, name, shared, onScreen);
      } catch (error) {
        if (!(error instanceof TidelineError) || error.code !== 'rate_limited' || attempt >= SIGN_UP_TRIES) throw error;
        await pause(Math.min(60, error.retryAfter ?? 1) * 1000);
      }
    }
  }

  get chat(): Chat {
    if (this.#chat === undefined) throw new Error(`${this.name} knows of no conversation yet`);
    return this.#chat;
  }

  get client(): TidelineClient {
    return this.#client;
  }

  follow(chatId: string): void {
    this.#chat = this.#client.chat(chatId);
    this.#chat.on('events', (events) => this.ledger.add(events));
    this.#chat.on('reset', () => this.ledger.fault('the server said `reset`'));
  }

  async connect(): Promise<void> {
    this.online = true;
    await this.#client.connect();
  }

  disconnect(): void {
    this.#client.disconnect();
    this.online = false;
  }

  /** A member now: takes up the conversation, from the first event that this member can see. */
  async enter(): Promise<void> {
    const { chat } = this;
    await until(() => chat.row !== undefined && chat.gone === undefined, `${this.name} learns of the conversation`);
    if (this.onScreen) await chat.open({ page: 0 });
    while (chat.hasOlder) {
      if ((await chat.loadOlder(200)) === 0) throw new Error(`${this.name}: history could not be loaded`);
    }
    this.ledger.addOlder(chat.events);
    this.#entered = true;
  }

  async join(): Promise<void> {
    await this.chat.join();
    this.member = true;
    await this.enter();
  }

  /** Leaves with everything up to `head` in hand: what is missed then could not be fetched any more. */
  async leave(head: number): Promise<void> {
    await this.ledger.reached(head, PATIENCE);
    await this.chat.leave();
    this.member = false;
    this.#entered = false;
    await until(() => this.chat.gone !== undefined, `${this.name} learns of having left`);
  }

  /** Connects again and waits until everything up to `head` is there. */
  async catchUp(head: number): Promise<void> {
    const began = performance.now();
    const held = this.ledger.upto;
    await this.connect();
    if (!this.member) return;
    if (!this.#entered) await this.enter();
    await this.ledger.reached(head, PATIENCE);
    this.catchUps.push({ ms: performance.now() - began, events: head - held });
  }

  async close(): Promise<void> {
    await this.#client.close();
    this.online = false;
  }
}

/** All players, and how many of them are connected. */
export class Cast {
  readonly players: Player[];
  readonly #most: number;
  #uses = 0;

  private constructor(players: Player[], most: number) {
    this.players = players;
    this.#most = most;
  }

  /** Signs everybody up. The first one is the keeper of the conversation. */
  static async signUp(url: string, names: string[], shared: SharedLog, most: number): Promise<Cast> {
    const run = `${Date.now().toString(36)}-${crypto.randomUUID().slice(0, 8)}`;
    const players: Player[] = [];
    await parallel(names.entries(), SIGN_UPS_AT_ONCE, async ([index, name]) => {
      const email = `demo-${run}-${index}@example.com`;
      players[index] = await Player.signUp(url, { name, email }, shared, index % 2 === 0);
    });
    return new Cast(players, most);
  }

  get keeper(): Player {
    return this.player(0);
  }

  player(index: number): Player {
    const player = this.players[index];
    if (player === undefined) throw new Error(`there is no player ${index}`);
    return player;
  }

  get online(): Player[] {
    return this.players.filter((player) => player.online);
  }

  /** Has a player connected and caught up, in the place of the one who was needed least lately if there is no room. */
  async ready(player: Player, head: number): Promise<void> {
    this.#uses += 1;
    player.used = this.#uses;
    if (player.online) return;
    const { online } = this;
    if (online.length >= this.#most) {
      const others = online.filter((other) => other !== this.keeper);
      const idle = others.reduce<Player | undefined>((a, b) => (a === undefined || b.used < a.used ? b : a), undefined);
      idle?.disconnect();
    }
    await player.catchUp(head);
  }

  /** As many as there is room for, from the front. */
  async connectFirst(): Promise<void> {
    await parallel(this.players.slice(0, this.#most), CONNECTS_AT_ONCE, (player) => player.connect());
  }

  /** Everybody who is a member catches up, in waves if there is no room for all. Those who are not leave at once. */
  async catchUpAll(players: Player[], head: number): Promise<void> {
    const waiting = players.filter((player) => player.member);
    const room = Math.max(1, Math.min(CONNECTS_AT_ONCE, this.#most - 1));
    await parallel(waiting, room, async (player) => {
      await this.ready(player, head);
      await player.ledger.reached(head, PATIENCE);
    });
  }

  async close(): Promise<void> {
    await parallel(this.players, CONNECTS_AT_ONCE, (player) => player.close());
  }
}
