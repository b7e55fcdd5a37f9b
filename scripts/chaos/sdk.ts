import { type Chat, createClient, type TidelineClient, TidelineError } from '../../sdk/src/index.ts';
import type { SeenEvent } from '../../test/chaos/checker/history.ts';
import type { Recorder } from './recorder.ts';

const PASSWORD = 'correct horse battery staple';

/** What of a row of the list is compared: what the log implies, not what the device set for itself. */
export function comparable(row: unknown): Record<string, unknown> {
  const pick = (name: string): unknown => Reflect.get(Object(row), name);
  return {
    head_seq: pick('head_seq'),
    messages: pick('messages'),
    unread: pick('unread'),
    mentions: pick('mentions'),
    name: pick('name'),
    member_count: pick('member_count'),
    epoch: pick('epoch'),
    last: Reflect.get(Object(pick('last_message')), 'seq'),
  };
}

/** A device with the SDK. */
export class SdkClient {
  readonly name: string;
  readonly #client: TidelineClient;
  readonly #recorder: Recorder;
  readonly #onScreen = new Set<string>();
  readonly #epochs: Map<string, string>;
  /** Why it can no longer take part, if so: its session has ended. */
  over: string | undefined;

  private constructor(name: string, client: TidelineClient, recorder: Recorder, epochs: Map<string, string>) {
    this.name = name;
    this.#client = client;
    this.#recorder = recorder;
    this.#epochs = epochs;
    client.on('events', ({ chat_id, events }) => this.#heard(chat_id, events));
    client.on('signedout', (error) => {
      this.over = error.code;
    });
  }

  static async signIn(
    name: string,
    email: string,
    url: string,
    recorder: Recorder,
    epochs: Map<string, string>,
  ): Promise<SdkClient> {
    const client = await createClient({ url, device: name });
    const sdk = new SdkClient(name, client, recorder, epochs);
    await client.signIn({ email, password: PASSWORD });
    void client.connect().catch(() => undefined);
    return sdk;
  }

  get about(): { session: string; user: string } {
    return { session: this.name, user: this.#client.user?.id ?? '' };
  }

  get online(): boolean {
    return this.#client.state === 'online';
  }

  #heard(chat: string, events: readonly object[]): void {
    const epoch = this.#client.chats.row(chat)?.epoch ?? this.#epochs.get(chat) ?? '';
    const seen = events as readonly SeenEvent[];
    const head = seen.at(-1)?.seq ?? 0;
    this.#recorder.note({ e: 'push', chat, epoch, head, events: [...seen], ...this.about });
  }

  show(chat: string): void {
    if (this.#onScreen.has(chat) || this.over !== undefined) return;
    this.#onScreen.add(chat);
    void this.#client
      .chat(chat)
      .open({ page: 0 })
      .catch(() => this.#onScreen.delete(chat));
  }

  send(chat: string, content: string): void {
    if (this.over !== undefined || this.#client.user === null) return;
    const message = this.#client.chat(chat).send(content);
    const ending = this.#recorder.invoke(this.about, { do: 'send', chat, client_id: message.client_id, content });
    message.sent.then(
      ({ seq, duplicate }) => ending.ok({ seq, duplicate }),
      (error: unknown) => {
        if (error instanceof TidelineError && error.status < 500) ending.fail(error.code);
        else ending.info(String(error));
      },
    );
  }

  read(chat: string): void {
    if (this.over === undefined && this.#client.user !== null) this.#client.chat(chat).read();
  }

  /** Whoever was refused for a while (suspended) does not come back by themself. `now`: without the pause either. */
  reconnect(now: boolean): void {
    if (this.over !== undefined || this.#client.user === null || this.#client.state === 'online') return;
    if (now) this.#client.disconnect();
    if (this.#client.state === 'offline') void this.#client.connect().catch(() => undefined);
  }

  /** Somebody looks. */
  wake(): void {
    this.#client.wake();
  }

  /** Whether the list has those of `chats` that have a head here, stands where they are, and what is on screen does too. */
  holds(heads: ReadonlyMap<string, number>, chats: readonly string[]): boolean {
    if (this.over !== undefined) return true;
    return chats.every((id) => {
      const head = heads.get(id);
      return this.#client.chats.row(id)?.head_seq === head && (head === undefined || this.#shows(id, head));
    });
  }

  #shows(id: string, head: number): boolean {
    const { seq } = this.#client.chat(id);
    return !this.#onScreen.has(id) || seq === 0 || seq >= head;
  }

  get pending(): number {
    return this.#client.outbox.filter(({ status }) => status === 'sending').length;
  }

  /** Says what this device holds now, in the end. */
  async confess(chats: readonly string[]): Promise<void> {
    if (this.over !== undefined || this.#client.user === null) return;
    const rows: Record<string, unknown> = {};
    const messages: Record<string, unknown[]> = {};
    for (const row of this.#client.chats.rows) if (chats.includes(row.id)) rows[row.id] = comparable(row);
    for (const id of this.#onScreen) {
      const chat = this.#client.chat(id);
      if (rows[id] === undefined || !(await loadAll(chat))) continue;
      messages[id] = chat.timeline.filter((item) => !('status' in item));
    }
    this.#recorder.note({ e: 'replica', rows, messages, ...this.about });
  }

  disconnect(): void {
    this.#client.disconnect();
  }
}

async function loadAll(chat: Chat): Promise<boolean> {
  try {
    while (chat.hasOlder) if ((await chat.loadOlder(200)) === 0) return false;
    return chat.seq > 0;
  } catch {
    return false;
  }
}
