import { timestamp } from '../clock.ts';
import { ok, type Refusal, type Result } from '../protocol/errors.ts';
import type { AckFrame, ChangeFrame, ClientFrame, ErrorFrame, SendFrame } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';
import { MESSAGE_BYTES } from '../wire/bounds.ts';
import type { Exchanged, Notice, SocketPage } from './api.ts';
import type { Connection } from './connections.ts';
import type { Conversation, Sent } from './conversation.ts';
import { catchUpPage, type LogPage, pageAfter, pageFrame } from './pages.ts';
import { NOT_FOUND } from './permissions.ts';
import { lagFrame, type Room } from './room.ts';

/** Bytes of events a page on a socket carries, and those that a new socket gets at once. */
const PULL_BYTES = MESSAGE_BYTES / 2;
const OPENING_BYTES = MESSAGE_BYTES;

/** The frames of a conversation that need no socket of their own: `auth` is of a socket, `presence` of a device. */
export type RoomFrame = Exclude<ClientFrame, { t: 'auth' | 'presence' }>;
export const isRoomFrame = (frame: ClientFrame): frame is RoomFrame => frame.t !== 'auth' && frame.t !== 'presence';

/** Answers collected for one message of the client; `settled` is called when the last one is there. */
class Answers {
  readonly #list: string[] = [];
  #open = 0;
  readonly #settled: (frames: string[]) => void;

  constructor(settled: (frames: string[]) => void) {
    this.#settled = settled;
  }
  expect(): void {
    this.#open += 1;
  }
  add(frame: string): void {
    this.#list.push(frame);
  }
  done(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#settled(this.#list);
  }
}

const sendAnswer = (frame: SendFrame | ChangeFrame, result: Result<Sent>): string => {
  if (!result.ok) return errorFrame(result.refusal, { client_id: frame.client_id, chat_id: frame.chat_id });
  const { row, duplicate } = result.value;
  const ack = {
    t: 'ack',
    client_id: frame.client_id,
    chat_id: frame.chat_id,
    seq: row.seq,
    created_at: timestamp(row.created_at),
  } as const;
  return JSON.stringify((duplicate ? { ...ack, duplicate } : ack) satisfies AckFrame);
};

export const errorFrame = (refusal: Refusal, about: { client_id?: string; chat_id?: string } = {}): string =>
  JSON.stringify({ t: 'error', ...refusal, ...about } satisfies ErrorFrame);

/** The refusal of a frame that claims more than there is; undefined: it does not. Nothing is confirmed by it. */
export function beyondHead(frame: RoomFrame, head: number): string | undefined {
  if (frame.t !== 'got' || frame.seq <= head) return undefined;
  return errorFrame({ code: 'invalid', message: `seq: lies beyond the head, which is ${head}` }, aboutOf(frame));
}

/** The frames of a message that are for the room. Of the others it says why they are not; a renewal is the caller's. */
export function forRoom(connection: Connection, frames: readonly ClientFrame[]): RoomFrame[] {
  for (const { t } of frames) {
    if (t === 'presence') connection.send(errorFrame(ELSEWHERE));
  }
  return frames.filter(isRoomFrame);
}
const ELSEWHERE: Refusal = { code: 'invalid', message: 'presence: is told on the inbox socket, /api/ws' };

/** What the room's queue takes of a frame: the frame itself, which has more fields than it needs. */
const workOf = (frame: SendFrame | ChangeFrame) => (frame.t === 'send' ? { message: frame } : { change: frame });

/** What an answer to a frame is about. */
export const aboutOf = (frame: RoomFrame): { client_id?: string; chat_id: string } => ({
  chat_id: frame.chat_id,
  ...('client_id' in frame ? { client_id: frame.client_id } : {}),
});

/** Frames from a socket of the room. Answers of one batch go out as one message. */
export function receive(room: Room, connection: Connection, frames: RoomFrame[]): void {
  const user = connection.identity.user_id;
  const { chat } = room.conversation;
  const share = pullShare(frames);
  for (const frame of frames) {
    if (frame.chat_id !== chat.id) {
      connection.send(errorFrame({ code: 'invalid', message: `this socket is for ${chat.id} only` }, aboutOf(frame)));
    } else if (frame.t === 'send' || frame.t === 'change') {
      room.send({
        user,
        ...workOf(frame),
        answer: (result) => room.connections.answer(connection, sendAnswer(frame, result)),
      });
    } else if (frame.t === 'pull') {
      pull(room, connection, frame, share);
    } else {
      const { head } = room.conversation.log;
      const lie = beyondHead(frame, head);
      if (lie !== undefined) {
        connection.send(lie);
        continue;
      }
      if (frame.t === 'got') room.connections.confirm(connection, frame.seq, head);
      signalOrMark(room, user, frame);
    }
  }
  // What was refused before it came to a batch.
  room.connections.flush();
}

/** Frames from an inbox socket. Resolves with the answers for that socket when all are there. */
export function submit(room: Room, user: string, frames: RoomFrame[]): Promise<string[]> {
  return new Promise((resolve) => {
    const answers = new Answers(resolve);
    const share = pullShare(frames);
    answers.expect();
    for (const frame of frames) {
      const actor = room.conversation.actor(user);
      if (!actor.ok) {
        answers.add(errorFrame(outsideRefusal(room, actor.refusal), aboutOf(frame)));
      } else if (frame.t === 'send' || frame.t === 'change') {
        answers.expect();
        room.send({
          user,
          ...workOf(frame),
          answer: (result) => {
            answers.add(sendAnswer(frame, result));
            answers.done();
          },
        });
      } else if (frame.t === 'pull') {
        const page = pulled(room, user, pageOf(frame, share));
        if (page.ok) answers.add(page.value.text);
      } else {
        const lie = beyondHead(frame, room.conversation.log.head);
        if (lie === undefined) signalOrMark(room, user, frame);
        else answers.add(lie);
      }
    }
    answers.done();
  });
}

/** Who is not in the channel of a workspace may not be in the workspace either, and then does not know of it. */
const outsideRefusal = ({ conversation }: Room, refusal: Refusal): Refusal =>
  refusal.code === 'forbidden' && conversation.chat.workspace_id !== null ? NOT_FOUND.refusal : refusal;

/** The same for an inbox that takes its notice with the answers. */
export async function exchange(room: Room, user: string, frames: RoomFrame[]): Promise<Exchanged> {
  const handOver = room.fanout.lend(user);
  let notice: Notice | undefined;
  let answers: string[];
  try {
    answers = await submit(room, user, frames);
  } finally {
    // What is answered in one turn is published in it: when the answers are here, so is the news.
    notice = handOver?.();
  }
  return { answers, notice };
}

/** What a new socket gets first: what came after `after`, or where the log stands. */
export function greeting(room: Room, user: string, after: number | undefined): Result<SocketPage> {
  const { conversation } = room;
  room.attend();
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  const page =
    after === undefined
      ? { events: [], last: conversation.log.head, hasMore: false, holes: [], reset: false }
      : catchUpPage(conversation, actor.value, after, OPENING_BYTES);
  return ok(socketPage(conversation, page));
}

/** The page that a `pull` asks for. */
export function pulled(
  room: Room,
  user: string,
  { after, limit, bytes }: { after: number; limit: number; bytes: number },
): Result<SocketPage> {
  const { conversation } = room;
  room.attend();
  const actor = conversation.actor(user);
  if (!actor.ok) return actor;
  room.holds(user, after);
  return ok(socketPage(conversation, pageAfter(conversation, actor.value, { after, limit, bytes })));
}

const socketPage = (conversation: Conversation, page: LogPage): SocketPage => ({
  text: pageFrame(conversation, page),
  head: conversation.log.head,
  hasMore: page.hasMore,
});

/** Sends the greeting; when there is too much for one message, the client pulls the rest. */
export function greet(room: Room, connection: Connection, after: number | undefined): void {
  const page = greeting(room, connection.identity.user_id, after);
  if (!page.ok) return;
  connection.send(page.value.text);
  if (page.value.hasMore) room.connections.lag(connection, lagFrame(room.conversation.chat.id, page.value.head));
}

function signalOrMark(room: Room, user: string, frame: Exclude<RoomFrame, { t: 'send' | 'change' | 'pull' }>): void {
  if (frame.t === 'typing') room.typing(user, frame.stop === true);
  else if (frame.t === 'read') room.mark({ user, read: frame.seq });
  else room.mark({ user, delivered: frame.seq });
}

function pull(room: Room, connection: Connection, frame: PullFrame, share: number): void {
  const page = pulled(room, connection.identity.user_id, pageOf(frame, share));
  if (!page.ok) return;
  connection.send(page.value.text);
  // Who asks for what comes after a position holds everything up to it, unless that is a position in another history.
  if (frame.after <= page.value.head) room.connections.confirm(connection, frame.after, Number.POSITIVE_INFINITY);
  // The page ends at the head: from here on the socket is live again, without a gap, because this is one turn.
  if (connection.lagging && !page.value.hasMore) room.connections.resume(connection, page.value.text.length);
}

type PullFrame = Extract<RoomFrame, { t: 'pull' }>;

export const pageOf = ({ after, limit = LIMITS.pageMax }: PullFrame, bytes: number) => ({ after, limit, bytes });

/** What each pull may bring when several come in one message: a small message must not be worth a hundred full pages. */
export const pullShare = (frames: RoomFrame[]): number =>
  Math.floor(PULL_BYTES / Math.max(1, frames.filter((frame) => frame.t === 'pull').length));
