export interface StreamEvent {
  event: string | undefined;
  id: string | undefined;
  data: Record<string, unknown>;
}

/** Reads an event stream, as far as this server writes them: one line of data in each event. */
export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = '';

  constructor(response: Response) {
    if (response.body === null) throw new Error('a stream has a body');
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(matches: (event: StreamEvent) => boolean): Promise<StreamEvent> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) throw new Error('the stream ended');
        this.#text += value;
        continue;
      }
      const fields = new Map(
        this.#text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      this.#text = this.#text.slice(end + 2);
      const data: unknown = JSON.parse(fields.get('data') ?? '{}');
      const event = { event: fields.get('event'), id: fields.get('id'), data: Object(data) };
      if (matches(event)) return event;
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
