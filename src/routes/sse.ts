import { z } from 'zod';
import type { ClientFrame } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';

/** Milliseconds between comments that keep the connection open. */
export const HEARTBEAT_MS = 15_000;
/** Bytes that may wait for a reader. One who is further behind is cut off and resumes from their last event. */
const BUFFER_BYTES = 1024 * 1024;

/** Milliseconds for which confirmations of events gather. */
const CONFIRM_MS = 1_000;

/** Enough of a frame to name its event; what else it carries is passed on. */
const Frame = z.looseObject({ t: z.string() });
const EventsFrame = z.looseObject({
  t: z.literal('events'),
  chat_id: z.string(),
  events: z.array(z.looseObject({ seq: z.number() })),
});
const InboxFrame = z.looseObject({ t: z.literal('inbox'), cursor: z.string() });
const Frames = z.union([z.array(Frame), Frame.transform((frame) => [frame])]);

/** One frame as a server-sent event. JSON has no bare line break: `data` is one line. */
export function toEvent(frame: z.infer<typeof Frame>): string {
  const inbox = InboxFrame.safeParse(frame);
  if (!inbox.success) return `event: ${frame.t}\ndata: ${JSON.stringify(frame)}\n\n`;
  const { t, ...data } = inbox.data;
  return `event: ${t}\nid: ${data.cursor}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The last seqs that were passed on, told to the inbox together: its credit for this socket grows with them. */
class Confirmations {
  readonly #socket: WebSocket;
  readonly #seqs = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  note(frame: z.infer<typeof Frame>): void {
    const events = EventsFrame.safeParse(frame);
    const last = events.data?.events.at(-1);
    if (!events.success || last === undefined) return;
    this.#seqs.set(events.data.chat_id, last.seq);
    this.#timer ??= setTimeout(() => this.#tell(), CONFIRM_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#timer = null;
    const frames = [...this.#seqs].map(([chat_id, seq]) => ({ t: 'got', chat_id, seq }) satisfies ClientFrame);
    this.#seqs.clear();
    for (let start = 0; start < frames.length; start += LIMITS.framesPerMessage) {
      this.#socket.send(JSON.stringify(frames.slice(start, start + LIMITS.framesPerMessage)));
    }
  }
}

/**
 * The frames of a socket as a stream of server-sent events. Either side's end ends the other.
 * @param gone the request's signal. A reader who disconnects does not cancel the stream, at least not on workerd: the
 *   signal is what tells, when the next write finds nobody.
 */
export function eventsOf(socket: WebSocket, gone: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const confirmations = new Confirmations(socket);
  let heartbeat: ReturnType<typeof setInterval> | null = null;
  let open = true;

  /** Ends the socket; the stream is ended by who calls. */
  const stop = (code: number, reason: string) => {
    open = false;
    clearInterval(heartbeat);
    confirmations.stop();
    try {
      socket.close(code, reason);
    } catch {
      // Closed from the other side already.
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const write = (text: string) => {
          if (!open) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) > 0) return;
          stop(1000, 'slow reader');
          controller.close();
        };
        socket.addEventListener('message', ({ data }) => {
          if (typeof data !== 'string') return;
          const frames = Frames.safeParse(parsed(data));
          if (!frames.success) return;
          for (const frame of frames.data) {
            // What opens a socket is of no use to who has none.
            if (frame.t === 'resume') continue;
            write(toEvent(frame));
            if (open) confirmations.note(frame);
          }
        });
        const end = (code: number, reason: string) => {
          // A refusal has a code of the application; the reason is the error's code.
          if (code >= 4000) write(`event: error\ndata: ${JSON.stringify({ t: 'error', code: reason })}\n\n`);
          if (!open) return;
          stop(1000, '');
          controller.close();
        };
        socket.addEventListener('close', ({ code, reason }) => end(code, reason));
        socket.addEventListener('error', () => end(1011, ''));
        gone.addEventListener('abort', () => {
          if (!open) return;
          stop(1000, 'reader gone');
          controller.close();
        });
        heartbeat = setInterval(() => write(':\n\n'), HEARTBEAT_MS);
        socket.accept();
        // The first bytes tell the client at once that the stream is open.
        write(':\n\n');
      },
      cancel() {
        stop(1000, 'reader gone');
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
