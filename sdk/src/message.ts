import type { Message, MessageKind } from '../../src/protocol/messages.ts';
import type { TidelineError } from './errors.ts';
import type { OutboxEntry } from './outbox.ts';

/** Where the log has a message that was sent. */
export interface Receipt {
  readonly seq: number;
  readonly created_at: string;
  /** An earlier sending of the same message had arrived already. */
  readonly duplicate: boolean;
}

/** What can be done with a message that is not in the log. */
export interface MessageActions {
  retry(clientId: string): Promise<void>;
  discard(clientId: string): Promise<void>;
}

/** A message of one's own that the log held here does not contain yet. */
export class LocalMessage {
  readonly client_id: string;
  readonly chat_id: string;
  readonly sender_id: string;
  readonly kind: MessageKind;
  readonly content: string;
  readonly reply_to: number | undefined;
  readonly mentions: readonly string[] | undefined;
  readonly thread_seq: number | undefined;
  readonly also_to_chat: true | undefined;
  /** The device's clock at first; the server's once it is acknowledged. */
  created_at: string;
  /** null until it is acknowledged. */
  seq: number | null = null;
  /** `sending` also while offline: it goes out by itself. `failed` waits for `retry()` or `discard()`. */
  status: 'sending' | 'sent' | 'failed' = 'sending';
  /** Why it failed. */
  error: TidelineError | undefined;
  readonly #actions: MessageActions;
  #settlement = settlement();

  constructor(entry: OutboxEntry, sender: string, actions: MessageActions) {
    this.client_id = entry.client_id;
    this.chat_id = entry.chat_id;
    this.sender_id = sender;
    this.kind = entry.fields.kind;
    this.content = entry.fields.content;
    this.reply_to = entry.fields.reply_to;
    this.mentions = entry.fields.mentions;
    this.thread_seq = entry.fields.thread_seq;
    this.also_to_chat = entry.fields.also_to_chat;
    this.created_at = entry.created_at;
    this.#actions = actions;
  }

  /** Resolves when the server has acknowledged it; rejects with a TidelineError when it refused it. */
  get sent(): Promise<Receipt> {
    return this.#settlement.promise;
  }

  /** Sends a failed message again, behind those that wait. */
  retry(): Promise<void> {
    return this.#actions.retry(this.client_id);
  }

  /** Gives it up. One that is on its way may still arrive. */
  discard(): Promise<void> {
    return this.#actions.discard(this.client_id);
  }

  /** @internal */
  acknowledge(receipt: Receipt): void {
    this.status = 'sent';
    this.seq = receipt.seq;
    this.created_at = receipt.created_at;
    this.#settlement.resolve(receipt);
  }

  /** @internal */
  fail(error: TidelineError): void {
    this.status = 'failed';
    this.error = error;
    this.#settlement.reject(error);
  }

  /** @internal */
  revive(): void {
    this.status = 'sending';
    this.error = undefined;
    this.#settlement = settlement();
  }
}

function settlement() {
  let resolve: (receipt: Receipt) => void = () => undefined;
  let reject: (error: TidelineError) => void = () => undefined;
  const promise = new Promise<Receipt>((settle, refuse) => {
    resolve = settle;
    reject = refuse;
  });
  // Whoever does not look at `sent` sees `status`: a refusal nobody awaits is no unhandled rejection.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** One line of a conversation as it is shown: in the log, or on its way there. `status` tells them apart. */
export type TimelineItem = Message | LocalMessage;
