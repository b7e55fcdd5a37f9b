import type { FileAbout, FileInfo } from '@tideline/sdk';
import type { Bridge } from '../bridge/bridge.ts';
import { CallError } from '../bridge/remote.ts';
import { Store } from '../bridge/store.ts';
import { failureText } from '../notify.ts';
import { kindOfType, type MediaKind } from './kind.ts';

/** A file that is to be sent: on its way to the server, or there. */
export interface Attachment {
  readonly id: number;
  readonly source: File;
  readonly kind: MediaKind;
  /** Address of a picture, in this tab. */
  readonly preview: string | undefined;
  /** Bytes that have arrived, of `size`. */
  readonly sent: number;
  readonly size: number;
  readonly file: FileInfo | undefined;
  /** Why it did not get there. */
  readonly failure: string | undefined;
}

let lastId = 0;
const trays = new Map<string, Tray>();

/** Files chosen for a conversation wait here while another one is on screen. */
export function trayOf(bridge: Bridge, chatId: string, workspaceId: string | null): Tray {
  let tray = trays.get(chatId);
  if (tray === undefined) {
    tray = new Tray(bridge, workspaceId);
    trays.set(chatId, tray);
  }
  return tray;
}

/** At a sign-out: nothing of the user goes on. */
export function emptyTrays(): void {
  for (const tray of trays.values()) for (const { id } of tray.items.get()) tray.remove(id);
  trays.clear();
}

/** Files that wait to be sent with the next message. Each goes up as soon as it is chosen. */
export class Tray {
  readonly items = new Store<readonly Attachment[]>([]);
  readonly #bridge: Bridge;
  readonly #workspaceId: string | null;
  /** Ends what is on its way, by the attachment. */
  readonly #cancels = new Map<number, () => void>();
  /** Uploads that were begun and can be resumed, likewise. */
  readonly #begun = new Map<number, string>();

  constructor(bridge: Bridge, workspaceId: string | null) {
    this.#bridge = bridge;
    this.#workspaceId = workspaceId;
  }

  /** @param kind what they are treated as; by their types unless given */
  add(files: Iterable<File>, kind?: MediaKind): void {
    const added = Array.from(files, (source): Attachment => {
      const shownAs = kind ?? kindOfType(source.type);
      return {
        id: ++lastId,
        source,
        kind: shownAs,
        preview: shownAs === 'image' ? URL.createObjectURL(source) : undefined,
        sent: 0,
        size: source.size,
        file: undefined,
        failure: undefined,
      };
    });
    this.items.set([...this.items.get(), ...added]);
    for (const one of added) void this.#upload(one);
  }

  retry(id: number): void {
    const one = this.items.get().find((item) => item.id === id);
    if (one === undefined || one.failure === undefined) return;
    this.#change(id, { failure: undefined });
    void this.#upload(one);
  }

  /** Takes a file out; one that is on its way stops. */
  remove(id: number): void {
    const one = this.items.get().find((item) => item.id === id);
    if (one?.preview !== undefined) URL.revokeObjectURL(one.preview);
    this.items.set(this.items.get().filter((item) => item.id !== id));
    this.#cancels.get(id)?.();
    this.#forget(id);
  }

  #forget(id: number): void {
    this.#cancels.delete(id);
    this.#begun.delete(id);
  }

  #change(id: number, change: Partial<Attachment>): void {
    this.items.set(this.items.get().map((item) => (item.id === id ? { ...item, ...change } : item)));
  }

  #isWanted(id: number): boolean {
    return this.items.get().some((item) => item.id === id);
  }

  async #upload({ id, source, kind }: Attachment): Promise<void> {
    try {
      const { prepare } = await import('./prepare.ts');
      const { content, about, thumbnail } = await prepare(source, kind);
      if (!this.#isWanted(id)) return;
      this.#change(id, { size: content.size });
      const small = thumbnail === undefined ? undefined : await this.#bytes(id, thumbnail, 'thumbnail', {});
      if (!this.#isWanted(id)) return;
      const said = small === undefined ? about : { ...about, thumbnail_id: small.id };
      const file = await this.#bytes(id, content, source.name, said, (sent) => this.#change(id, { sent }));
      this.#forget(id);
      this.#change(id, { file, sent: content.size });
    } catch (error) {
      if (!this.#isWanted(id)) return;
      const failure = error instanceof CallError ? error.failure : ({ code: 'fault', message: String(error) } as const);
      this.#change(id, { failure: failureText(failure) });
    }
  }

  /** Uploads bytes for an attachment. With `onProgress` they are its content: a later attempt goes on where this was cut. */
  async #bytes(
    id: number,
    content: Blob,
    name: string,
    about: FileAbout,
    onProgress?: (sent: number) => void,
  ): Promise<FileInfo> {
    const begun = onProgress === undefined ? undefined : this.#begun.get(id);
    const request = {
      name,
      about,
      ...(this.#workspaceId === null ? {} : { workspace_id: this.#workspaceId }),
      ...(begun === undefined ? {} : { resume: begun }),
    };
    const { done, cancel } = this.#bridge.upload(content, request, (sent, upload) => {
      if (onProgress === undefined) return;
      if (upload !== undefined) this.#begun.set(id, upload);
      onProgress(sent);
    });
    this.#cancels.set(id, cancel);
    try {
      return await done;
    } catch (error) {
      // Refused, what was begun is of no use: the next attempt begins anew.
      if (error instanceof CallError && error.code !== 'network') this.#begun.delete(id);
      throw error;
    }
  }
}
