import { z } from 'zod';
import type { Identity } from '../inbox/api.ts';
import { CLOSE_CODES, type CloseReason } from '../protocol/errors.ts';
import { groupsWithin, MESSAGE_BYTES } from './bounds.ts';
import { joinFrames } from './parse.ts';

/**
 * What every socket needs to survive hibernation. Versioned: an attachment of another version ends the socket, and the
 * client comes back.
 */
export const SocketState = z.object({
  v: z.literal(1),
  user_id: z.string(),
  session_id: z.string(),
  issued_at: z.number(),
  expires_at: z.number(),
  lagging: z.boolean(),
});
export type SocketState = z.infer<typeof SocketState>;

/** Code of a close that asks the client to come back at once ("service restart"). */
const COME_BACK = 1012;

/** A hibernatable socket of a client, with what is known of who holds it. */
export class ClientSocket {
  readonly socket: WebSocket;
  identity: Identity;
  /** It has used up its credit: it was told, and gets nothing until it has caught up. */
  lagging: boolean;

  constructor(socket: WebSocket, identity: Identity, lagging: boolean) {
    this.socket = socket;
    this.identity = identity;
    this.lagging = lagging;
  }

  /** What the attachment holds. */
  state(): SocketState {
    const { user_id, session_id, issued_at, expires_at } = this.identity;
    return { v: 1, user_id, session_id, issued_at, expires_at, lagging: this.lagging };
  }

  save(): void {
    this.socket.serializeAttachment(this.state());
  }

  send(text: string): void {
    try {
      this.socket.send(text);
    } catch {
      // The peer is gone; its close event follows or has been.
    }
  }

  /** Sends frames in as few messages as their size allows. */
  sendAll(frames: readonly string[]): void {
    for (const group of groupsWithin(frames, MESSAGE_BYTES)) this.send(joinFrames(group));
  }

  close(reason: CloseReason): void {
    closeQuietly(this.socket, CLOSE_CODES[reason], reason);
  }
}

/**
 * The sockets that were open when the object slept, each with its attachment. Of one that is closed, or on its way to be, the runtime
 * goes on to tell until its far side has agreed, which may be never: to us it is gone. One whose attachment cannot be read is
 * asked to come back.
 */
export function* takenOver<State extends z.ZodType>(
  open: readonly WebSocket[],
  schema: State,
): Generator<[WebSocket, z.infer<State>]> {
  for (const socket of open) {
    if (socket.readyState >= WebSocket.READY_STATE_CLOSING) continue;
    const attachment = schema.safeParse(socket.deserializeAttachment());
    if (attachment.success) yield [socket, attachment.data];
    else closeQuietly(socket, COME_BACK, 'reconnect');
  }
}

export function closeQuietly(socket: WebSocket, code: number, reason = ''): void {
  try {
    socket.close(code, reason);
  } catch {
    // Closed already.
  }
}
