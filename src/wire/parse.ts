import { utf8Length } from '../protocol/common.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { ClientFrame, type ErrorFrame } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';
import { plainFrame } from './plain.ts';

export interface ParsedFrames {
  frames: ClientFrame[];
  /** What could not be understood, as frames for the client. */
  errors: ErrorFrame[];
}

const error = (code: ErrorCode, message: string, about: { client_id?: string; chat_id?: string } = {}): ErrorFrame => ({
  t: 'error',
  code,
  message,
  ...about,
});

const field = (value: unknown, name: string): string | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Reflect.get(value, name);
  return typeof found === 'string' && found.length <= 128 ? found : undefined;
};

/** What came in on a socket: one frame or an array of them, as text. Never throws. */
export function parseFrames(data: string | ArrayBuffer): ParsedFrames {
  if (typeof data !== 'string') {
    return { frames: [], errors: [error('malformed', 'frames are text: send JSON in a text frame')] };
  }
  if (
    data.length > LIMITS.frameBytes ||
    (data.length > LIMITS.frameBytes / 3 && utf8Length(data) > LIMITS.frameBytes)
  ) {
    return { frames: [], errors: [error('too_large', `a frame has at most ${LIMITS.frameBytes} bytes`)] };
  }
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { frames: [], errors: [error('malformed', 'the frame is not JSON')] };
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > LIMITS.framesPerMessage) {
    return { frames: [], errors: [error('too_large', `an array has at most ${LIMITS.framesPerMessage} frames`)] };
  }
  const frames: ClientFrame[] = [];
  const errors: ErrorFrame[] = [];
  for (const item of list) {
    const plain = plainFrame(item);
    if (plain !== undefined) {
      frames.push(plain);
      continue;
    }
    const parsed = ClientFrame.safeParse(item);
    if (parsed.success) {
      frames.push(parsed.data);
      continue;
    }
    const issue = parsed.error.issues[0];
    const path = issue?.path.join('.') ?? '';
    const client_id = field(item, 'client_id');
    const chat_id = field(item, 'chat_id');
    errors.push(
      error('invalid', path ? `${path}: ${issue?.message}` : (issue?.message ?? 'not a frame'), {
        ...(client_id === undefined ? {} : { client_id }),
        ...(chat_id === undefined ? {} : { chat_id }),
      }),
    );
  }
  return { frames, errors };
}

/** Several frames in one message: an object alone, or an array. */
export const joinFrames = (frames: string[]): string =>
  frames.length === 1 ? (frames[0] ?? '') : `[${frames.join(',')}]`;
