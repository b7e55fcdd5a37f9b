import { within } from './async.ts';
import { clientIdOf, findMark, ID_DIGITS, isMark, readId, readNumber, TEXT_BYTES, textOf } from './body.ts';
import type { Ledger } from './ledger.ts';
import { encodeText, MASK, WebSocketClient } from './websocket.ts';

const HEAD_SEQ = Buffer.from('"head_seq":');
const SEQ = Buffer.from('"seq":');
const FRAME_HEADER = 4 + 4;
/** How far into an `events` frame the fields before the first event reach. */
const FIELDS_BYTES = 320;

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;

/** A `send` frame, masked, in which only the message's number has to be put in. */
export class SendTemplate {
  readonly bytes: Buffer;
  /** Where the digits lie: of the client_id and of the text. */
  readonly slots: readonly [number, number];

  constructor(frame: (clientId: string, text: string) => object) {
    const text = JSON.stringify(frame(clientIdOf(0), textOf(0)));
    this.bytes = encodeText(text);
    if (text.length < 126) throw new Error('a send frame is expected to be longer than 125 bytes');
    this.slots = [FRAME_HEADER + text.indexOf(`"${clientIdOf(0)}"`) + 2, FRAME_HEADER + text.indexOf(textOf(0)) + 2];
  }
}

export interface ConnectionOptions {
  port: number;
  path: string;
  protocols?: string[];
  /** Offers permessage-deflate. */
  compressed?: boolean | undefined;
  /** Bytes after which received events are confirmed; 0: the server keeps no credit. */
  confirmBytes: number;
  /** The one conversation that is followed: its sequence is checked and confirmed. */
  chat?: string;
  /** seq up to which the client holds the followed conversation. */
  after?: number;
  /** When the connection counts as open: at the upgrade, or at the server's first frame of this kind. */
  ready: 'upgrade' | 'events' | 'inbox';
}

const GREETING_MS = 30_000;

/** Text of the first error frames, for the report. */
export const errorsSeen: string[] = [];

/**
 * One member's socket, on the room or on the inbox. Acks and messages are found by scanning bytes: events of one frame lie
 * at nearly equal distances, so the scanner looks first where the last distance points.
 */
export class Connection {
  frames = 0;
  messages = 0;
  acks = 0;
  errors = 0;
  lags = 0;
  receipts = 0;
  inboxFrames = 0;
  /** How often this client had to ask for events that were not pushed to it. */
  fetched = 0;
  /** Frames of events that did not begin right after the last seq. */
  gaps = 0;
  /** Head as the last frame of events gave it. */
  headSeq = 0;
  lastSeq = 0;
  ledger: Ledger | undefined;
  onAck: ((id: number) => void) | undefined;
  onMessage: ((id: number) => void) | undefined;
  onEvents: ((data: Buffer, start: number, end: number) => void) | undefined;
  onInbox: (() => void) | undefined;
  closedWith: string | undefined;
  readonly #options: ConnectionOptions;
  #client: WebSocketClient | undefined;
  #unconfirmed = 0;
  #lead = 0;
  #stride = 0;
  #pulling = false;
  #refused: ((error: Error) => void) | undefined;
  #closing = false;

  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    const greeted = connection.#greeting(options);
    greeted.catch(() => undefined); // awaited below, unless the upgrade itself fails

    connection.#client = await WebSocketClient.open({
      port: options.port,
      path: options.path,
      ...(options.protocols ? { protocols: options.protocols } : {}),
      compressed: options.compressed,
      onFrame: (data, start, end) => connection.#frame(data, start, end),
      onClose: (code, reason) => {
        if (connection.#closing) return;
        connection.closedWith = `${code} ${reason}`.trim();
        connection.#refused?.(new Error(`${options.path} was closed: ${connection.closedWith}`));
      },
    });
    await greeted;
    return connection;
  }

  #greeting({ ready, path }: ConnectionOptions): Promise<void> {
    if (ready === 'upgrade') return Promise.resolve();
    const greeting = new Promise<void>((resolve, reject) => {
      this.#refused = reject;
      if (ready === 'events') this.onEvents = () => resolve();
      else this.onInbox = resolve;
    });
    return within(GREETING_MS, `the first frame on ${path}`, greeting).finally(() => {
      this.#refused = undefined;
      this.onEvents = undefined;
      this.onInbox = undefined;
    });
  }

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.lastSeq = options.after ?? 0;
  }

  get bytesIn(): number {
    return this.#client?.bytesIn ?? 0;
  }

  send(template: SendTemplate, id: number): void {
    const client = this.#client;
    if (client === undefined) return;
    const { buffer, offset } = client.reserve(template.bytes.length);
    template.bytes.copy(buffer, offset);
    for (const slot of template.slots) {
      let rest = id;
      for (let k = ID_DIGITS - 1; k >= 0; k--) {
        const at = slot + k;
        buffer[offset + at] = (48 + (rest % 10)) ^ (MASK[(at - FRAME_HEADER) & 3] ?? 0);
        rest = (rest / 10) | 0;
      }
    }
  }

  sendFrame(frame: object): void {
    this.#client?.sendText(JSON.stringify(frame));
  }

  pull(after: number, limit: number): void {
    this.sendFrame({ t: 'pull', ...(this.#options.chat ? { chat_id: this.#options.chat } : {}), after, limit });
  }

  close(): void {
    this.#closing = true;
    this.#client?.close();
  }

  #frame(data: Buffer, start: number, end: number): void {
    this.frames++;
    const now = performance.now();
    if (data[start] === 0x7b && data[start + 2] === 0x74 && data[start + 4] === 0x3a) {
      // {"t":"…: the kind by its first letters
      const kind = data[start + 6];
      const second = data[start + 7];
      if (kind === 0x65 && second === 0x76) {
        this.#events(data, start, end, now);
        return;
      }
      if (kind === 0x6d) {
        this.#message(data, start, end, now);
        return;
      }
    }
    this.#walk(data, start, end, now);
  }

  /** `{"t":"events",…}`: the broadcast, nearly all of the traffic. */
  #events(data: Buffer, start: number, end: number, now: number): void {
    let at = start + this.#lead;
    if (at + ID_DIGITS >= end || !isMark(data, at)) at = findMark(data, start, end);
    if (at >= 0) this.#lead = at - start;
    let found = 0;
    while (at >= 0) {
      found++;
      this.#arrived(readId(data, at + 2), now);
      const guess = at + this.#stride;
      if (this.#stride > 0 && guess + ID_DIGITS + 2 <= end && isMark(data, guess)) at = guess;
      else {
        const next = findMark(data, at + TEXT_BYTES, end);
        if (next > 0) this.#stride = next - at;
        at = next;
      }
    }
    this.#position(data, start, end, found);
    this.onEvents?.(data, start, end);
  }

  #position(data: Buffer, start: number, end: number, found: number): void {
    const fields = Math.min(end, start + FIELDS_BYTES);
    const head = readNumber(data, HEAD_SEQ, start, fields);
    if (head > this.headSeq) this.headSeq = head;
    if (this.#pulling) this.#pulled(data, start, end, head);
    else if (found > 0 && this.#options.chat !== undefined) {
      const first = readNumber(data, SEQ, start, fields);
      if (this.lastSeq > 0 && first !== this.lastSeq + 1) this.gaps++;
      this.lastSeq = first + found - 1;
    }
    if (this.#options.confirmBytes === 0) return;
    this.#unconfirmed += end - start;
    if (this.#unconfirmed >= this.#options.confirmBytes) this.confirm();
  }

  /** A page of events that was asked for: it may hold other events than messages, so its last seq is looked up. */
  #pulled(data: Buffer, start: number, end: number, head: number): void {
    const at = data.subarray(start, end).lastIndexOf(SEQ);
    if (at >= 0) this.lastSeq = Math.max(this.lastSeq, readNumber(data, SEQ, start + at, end));
    if (this.lastSeq < head) this.pull(this.lastSeq, 500);
    else this.#pulling = false;
  }

  confirm(): void {
    if (this.#options.confirmBytes === 0 || this.#options.chat === undefined || this.lastSeq === 0) return;
    this.#unconfirmed = 0;
    this.sendFrame({ t: 'got', chat_id: this.#options.chat, seq: this.lastSeq });
  }

  /** `{"t":"message",…}`: a bare object's frame, with one message. */
  #message(data: Buffer, start: number, end: number, now: number): void {
    const at = findMark(data, start, end);
    if (at < 0) return;
    this.#arrived(readId(data, at + 2), now);
    const seq = readNumber(data, SEQ, start, end);
    if (this.lastSeq > 0 && seq !== this.lastSeq + 1) this.gaps++;
    this.lastSeq = seq;
  }

  /** Any other frame, arrays included: one pass over its bytes that knows which kind of object it is in. */
  #walk(data: Buffer, start: number, end: number, now: number): void {
    let kind = 0;
    let eventsFrom = -1;
    let found = 0;
    for (let i = start; i < end; i++) {
      const byte = data[i];
      if (byte === 0x22) {
        if (data[i + 1] === 0x74 && data[i + 2] === 0x22 && data[i + 3] === 0x3a && data[i + 4] === 0x22) {
          if (eventsFrom >= 0) this.#position(data, eventsFrom, i, found);
          eventsFrom = -1;
          found = 0;
          kind = this.#kind(data, i + 5, start, end);
          if (kind === 0x76) eventsFrom = i;
          i += 5;
        } else if (kind === 0x63 && data[i + 1] === 0x62 && isDigit(data[i + 2])) {
          const id = readId(data, i + 2);
          this.acks++;
          this.ledger?.acknowledged(id, now);
          this.onAck?.(id);
          i += ID_DIGITS + 2;
        }
      } else if (kind === 0x76 && byte === 0x7e && data[i + 1] === 0x23) {
        found++;
        this.#arrived(readId(data, i + 2), now);
        i += TEXT_BYTES - 1;
      }
    }
    if (eventsFrom >= 0) {
      this.#position(data, eventsFrom, end, found);
      this.onEvents?.(data, start, end);
    }
  }

  /** Second letter of an ack (c) or of events (v), whose bytes are then looked into; other kinds are counted: 0. */
  #kind(data: Buffer, at: number, start: number, end: number): number {
    const second = data[at + 1] ?? 0;
    switch (data[at]) {
      case 0x61: // a: ack (authed has another second letter)
        return second === 0x63 ? second : 0;
      case 0x65: // e
        if (second === 0x76) return second;
        this.errors++;
        if (errorsSeen.length < 5) errorsSeen.push(data.toString('utf8', start, Math.min(end, start + 300)));
        return 0;
      case 0x6c: // l: lag
        this.lags++;
        if (this.lastSeq > 0) this.#catchUp();
        return 0;
      case 0x72: // r: receipt
        this.receipts++;
        return 0;
      case 0x69: // i: inbox
        this.inboxFrames++;
        this.#changed(data, at, end);
        this.onInbox?.();
        return 0;
      default:
        return 0;
    }
  }

  /** The inbox says where the followed conversation stands. What was not pushed is fetched, as any client has to. */
  #changed(data: Buffer, at: number, end: number): void {
    if (this.#options.chat === undefined) return;
    const head = readNumber(data, HEAD_SEQ, at, end);
    if (head > this.lastSeq) this.#catchUp();
  }

  #catchUp(): void {
    if (this.#pulling || this.#options.chat === undefined) return;
    this.#pulling = true;
    this.fetched++;
    this.confirm();
    this.pull(this.lastSeq, 500);
  }

  #arrived(id: number, now: number): void {
    this.messages++;
    this.ledger?.arrived(id, now);
    this.onMessage?.(id);
  }
}
