import type { FileAbout, FileInfo, FileTicket, Storage, Upload, UploadPart } from '../../src/protocol/files.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { TidelineError } from './errors.ts';
import type { Http } from './http.ts';

export interface UploadProgress {
  /** Of the upload, and later of the file; undefined while a small file is on its way in one request. */
  readonly id: string | undefined;
  /** Bytes that have arrived. */
  readonly sent: number;
  readonly total: number;
}

export interface UploadOptions {
  /** Unless given, that of a File, else `file`. */
  name?: string;
  /** The workspace that the file belongs to and whose space it takes. */
  workspace_id?: string;
  /** What to show of it before it is there. */
  about?: FileAbout;
  onProgress?: (progress: UploadProgress) => void;
  signal?: AbortSignal;
  /** The id of an upload that was begun before: what has arrived is not sent again. */
  resume?: string;
}

/** Where a file is seen: in a conversation, or, without one, as the user's own. */
export interface FilePlace {
  file_id: string;
  chat_id?: string;
}

/** For one part, or one download: links are slow, and parts are large. */
const TIMEOUT = 10 * 60_000;
/** Parts under way at once. */
const AT_ONCE = 2;

/** Uploading and downloading. */
export class FilesResource {
  readonly #http: Http;

  /** @internal */
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Uploads a content. After a lost connection it goes on by itself for a while; a later call with `resume` goes on then.
   * @throws TidelineError `too_large`, `quota_exceeded`, `invalid`; `not_found` when what is resumed has expired
   */
  async upload(content: Blob, options: UploadOptions = {}): Promise<FileInfo> {
    const name = options.name ?? ('name' in content && typeof content.name === 'string' ? content.name : 'file');
    if (options.resume === undefined && content.size <= LIMITS.filePartBytes)
      return this.#atOnce(content, name, options);
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const upload = await (options.resume === undefined
      ? this.#http.request<Upload>('/api/files', {
          body: {
            name,
            size: content.size,
            ...(options.workspace_id === undefined ? {} : { workspace_id: options.workspace_id }),
            ...(options.about === undefined ? {} : { about: options.about }),
          },
          ...signal,
        })
      : this.#http.request<Upload>(`${path(options.resume)}/upload`, signal));
    if (upload.size !== content.size) {
      throw new TidelineError('invalid', `The upload is of ${upload.size} bytes, the content has ${content.size}`);
    }
    await this.#parts(content, upload, options);
    return this.#http.request<FileInfo>(`${path(upload.id)}/complete`, {
      method: 'POST',
      idempotent: true,
      timeout: TIMEOUT,
      ...signal,
    });
  }

  /** Gives up an upload that was begun. */
  async abort(id: string): Promise<void> {
    await this.#http.request(`${path(id)}/upload`, { method: 'DELETE' });
  }

  /** A file of one's own, as messages show it. */
  get(id: string): Promise<FileInfo> {
    return this.#http.request<FileInfo>(path(id));
  }

  /** Leave to send a file into a conversation: one's own, or one that is seen in the conversation `from`. */
  ticket(chatId: string, fileId: string, { from }: { from?: string } = {}): Promise<FileTicket> {
    return this.#http.request<FileTicket>(`/api/chats/${encodeURIComponent(chatId)}/files`, {
      body: { file_id: fileId, ...(from === undefined ? {} : { from_chat_id: from }) },
      idempotent: true,
    });
  }

  /** The content, or the bytes from `range[0]` up to and without `range[1]`. */
  download(place: FilePlace, options: { range?: readonly [number, number]; signal?: AbortSignal } = {}): Promise<Blob> {
    const { range, signal } = options;
    return this.#http.request<Blob>(contentPath(place), {
      answer: 'blob',
      timeout: TIMEOUT,
      ...(range === undefined ? {} : { headers: { range: `bytes=${range[0]}-${range[1] - 1}` } }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** An address under which this page has the content, until `URL.revokeObjectURL`. */
  async url(place: FilePlace, options: { signal?: AbortSignal } = {}): Promise<string> {
    return URL.createObjectURL(await this.download(place, options));
  }

  /** Bytes that one's own files take, and may take. */
  storage(): Promise<Storage> {
    return this.#http.request<Storage>('/api/users/me/storage');
  }

  async #atOnce(content: Blob, name: string, options: UploadOptions): Promise<FileInfo> {
    const total = content.size;
    options.onProgress?.({ id: undefined, sent: 0, total });
    const { workspace_id, about, signal } = options;
    const file = await this.#http.request<FileInfo>('/api/uploads', {
      content,
      query: { name, workspace_id, ...about },
      // Done twice, the content is kept once, and the file that nobody sends is dropped.
      idempotent: true,
      timeout: TIMEOUT,
      ...(signal === undefined ? {} : { signal }),
    });
    options.onProgress?.({ id: file.id, sent: total, total });
    return file;
  }

  /** Sends the parts that are not there yet. The first failure that lasts ends the others. */
  async #parts(content: Blob, upload: Upload, options: UploadOptions): Promise<void> {
    const { id, part_size, part_count, size: total } = upload;
    const partOf = (number: number) => content.slice((number - 1) * part_size, number * part_size);
    const there = new Map(upload.parts.map((part) => [part.number, part]));
    const stop = new AbortController();
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    let sent = 0;
    const arrived = (bytes: number) => {
      sent += bytes;
      options.onProgress?.({ id, sent, total });
    };
    arrived(0);
    const numbers = Array.from({ length: part_count }, (_, index) => index + 1).values();
    const work = async () => {
      for (const number of numbers) {
        const part = partOf(number);
        const known = there.get(number);
        if (known === undefined || !(await isSame(part, known))) {
          await this.#http.request<UploadPart>(`${path(id)}/parts/${number}`, {
            method: 'PUT',
            content: part,
            timeout: TIMEOUT,
            signal,
          });
        }
        arrived(part.size);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  }
}

const path = (id: string): string => `/api/files/${encodeURIComponent(id)}`;
const contentPath = ({ file_id, chat_id }: FilePlace): string =>
  chat_id === undefined
    ? `${path(file_id)}/content`
    : `/api/chats/${encodeURIComponent(chat_id)}/files/${encodeURIComponent(file_id)}`;

async function isSame(part: Blob, known: UploadPart): Promise<boolean> {
  if (part.size !== known.size) return false;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await part.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === known.sha256;
}
