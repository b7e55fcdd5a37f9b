import type { ChatEvent, Member, TidelineClient, Watermarks } from '@tideline/sdk';

/** Members of a conversation with more than this many are not loaded by themselves. */
const MEMBERS_MAX = 500;
/** Changes of membership within this time are followed by one look; ms. */
const GATHER = 200;

interface Room {
  /** Screens that show it. */
  count: number;
  opened: Promise<void>;
  members: readonly Member[];
  cancel: ReturnType<typeof setTimeout> | undefined;
}

/** The conversations on any screen of this browser: open while at least one shows them, with their members. */
export class Rooms {
  readonly #client: TidelineClient;
  readonly #tell: (chatId: string, members: readonly Member[]) => void;
  readonly #rooms = new Map<string, Room>();

  constructor(client: TidelineClient, tell: (chatId: string, members: readonly Member[]) => void) {
    this.#client = client;
    this.#tell = tell;
    client.on('events', ({ chat_id, events }) => this.#events(chat_id, events));
    client.on('connection', ({ state }) => {
      if (state === 'online') for (const id of this.#rooms.keys()) this.#plan(id, 0);
    });
  }

  /** One more screen shows it. */
  enter(chatId: string): Promise<void> {
    const held = this.#rooms.get(chatId);
    if (held !== undefined) {
      held.count++;
      if (held.members.length > 0) this.#tell(chatId, held.members);
      return held.opened;
    }
    const opened = this.#client.chat(chatId).open();
    this.#rooms.set(chatId, { count: 1, opened, members: [], cancel: undefined });
    if (this.#client.state === 'online') this.#plan(chatId, 0);
    return opened;
  }

  leave(chatId: string): void {
    const room = this.#rooms.get(chatId);
    if (room === undefined || --room.count > 0) return;
    clearTimeout(room.cancel);
    this.#rooms.delete(chatId);
    this.#client.chat(chatId).close();
  }

  /** The furthest that anybody but the user has got. */
  others(chatId: string): Watermarks {
    const chat = this.#client.chat(chatId);
    let [read_seq, delivered_seq] = [0, 0];
    for (const member of this.#rooms.get(chatId)?.members ?? []) {
      if (member.user_id === this.#client.user?.id) continue;
      const heard = chat.watermarks(member.user_id);
      read_seq = Math.max(read_seq, member.read_seq, heard?.read_seq ?? 0);
      delivered_seq = Math.max(delivered_seq, member.delivered_seq, heard?.delivered_seq ?? 0);
    }
    return { read_seq, delivered_seq: Math.max(delivered_seq, read_seq) };
  }

  clear(): void {
    for (const room of this.#rooms.values()) clearTimeout(room.cancel);
    this.#rooms.clear();
  }

  #events(chatId: string, events: readonly ChatEvent[]): void {
    if (this.#rooms.has(chatId) && events.some(({ type }) => type.startsWith('member.'))) this.#plan(chatId, GATHER);
  }

  #plan(chatId: string, wait: number): void {
    const room = this.#rooms.get(chatId);
    if (room === undefined) return;
    clearTimeout(room.cancel);
    room.cancel = setTimeout(() => void this.#load(chatId, room), wait);
  }

  async #load(chatId: string, room: Room): Promise<void> {
    const chat = this.#client.chat(chatId);
    if ((chat.row?.member_count ?? 0) > MEMBERS_MAX) return;
    try {
      room.members = await chat.members();
    } catch {
      // Asked for again when the connection is back, or when the membership changes.
      return;
    }
    if (this.#rooms.get(chatId) !== room) return;
    this.#client.people.want(room.members.map(({ user_id }) => user_id));
    this.#tell(chatId, room.members);
  }
}
