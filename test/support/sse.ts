import { request } from './api.ts';

const WAIT_MS = 5_000;

export interface ServerSentEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

/** A client of the event stream, as far as the tests need one. */
export class TestStream {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = '';
  #queue: ServerSentEvent[] = [];
  /** Comments that came. */
  comments = 0;
  ended = false;

  constructor(response: Response) {
    if (response.body === null) throw new Error(`no stream: ${response.status}`);
    this.response = response;
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Reads one chunk; false when the stream has ended. */
  async #read(timeout: number): Promise<boolean> {
    const late = new AbortController();
    const chunk = await Promise.race([
      this.#reader.read(),
      scheduler.wait(timeout, { signal: late.signal }).then(() => {
        throw new Error(`nothing came in ${timeout} ms; there are: ${JSON.stringify(this.#queue)}`);
      }),
    ]).finally(() => late.abort());
    if (chunk.done) {
      this.ended = true;
      return false;
    }
    this.#text += chunk.value;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) this.#parse(block);
    return true;
  }

  #parse(block: string): void {
    if (block.startsWith(':')) {
      this.comments += 1;
      return;
    }
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    );
    this.#queue.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id'),
      data: JSON.parse(fields.get('data') ?? 'null'),
    });
  }

  /** Takes the first event of this name that matches; others stay. */
  async next(
    event: string,
    matches: (data: unknown) => boolean = () => true,
    timeout = WAIT_MS,
  ): Promise<ServerSentEvent> {
    for (;;) {
      const index = this.#queue.findIndex((one) => one.event === event && matches(one.data));
      const [found] = index < 0 ? [] : this.#queue.splice(index, 1);
      if (found !== undefined) return found;
      if (!(await this.#read(timeout))) throw new Error(`the stream ended before a ${event} came`);
    }
  }

  /** Reads until the server ends the stream. */
  async untilEnd(timeout = WAIT_MS): Promise<void> {
    while (await this.#read(timeout));
  }

  /** Reads until so many comments have come. */
  async untilComments(count: number, timeout: number): Promise<void> {
    while (this.comments < count && (await this.#read(timeout)));
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

export const openStream = async (token: string, lastEventId?: string): Promise<TestStream> =>
  new TestStream(
    await request('/api/notifications/events', {
      token,
      ...(lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } }),
    }),
  );
