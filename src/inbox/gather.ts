import type { RoomApi } from '../conversation/api.ts';
import { utf8Length } from '../protocol/common.ts';
import { LIMITS } from '../protocol/limits.ts';
import { parallel } from './parallel.ts';
import type { Timeline } from './timeline.ts';
import { ANSWER_MS, within } from './within.ts';

const PARALLEL = 32;
/** Least bytes that a conversation is given, so that none starves beside a long one. */
const LEAST_BYTES = 16 * 1024;

interface Ports {
  owner: string;
  room(chatId: string): Pick<RoomApi, 'catchUp'>;
  log(message: string, fields: Record<string, unknown>): void;
}

/**
 * The events that a device lacks, from all rooms at once, within the byte budget of one answer. `held` is the last seq
 * that the device has of each conversation. Conversations that are up to date cost nothing. Returns the tail of the sync
 * answer's JSON: `events`, `heads`, and `unreached` for what did not fit or did not answer.
 */
export async function gather(timeline: Timeline, ports: Ports, held: Record<string, number>): Promise<string> {
  const behind = Object.keys(held).filter((chatId) => {
    const item = timeline.get(chatId)?.item;
    return item != null && item.head_seq !== held[chatId];
  });
  const events: string[] = [];
  const heads: string[] = [];
  const unreached: string[] = [];
  let left: number = LIMITS.syncBytes;
  let taken = 0;
  let waiting = behind.length;
  await parallel(behind, PARALLEL, async (chatId) => {
    const share = Math.max(LEAST_BYTES, Math.floor(left / Math.max(1, waiting)));
    waiting -= 1;
    if (left < LEAST_BYTES) {
      unreached.push(chatId);
      return;
    }
    left -= share;
    try {
      const asked = ports.room(chatId).catchUp(ports.owner, { after: held[chatId] ?? 0, bytes: share });
      const answer = await within(ANSWER_MS, asked);
      if (!answer.ok) {
        left += share;
        return;
      }
      const size = utf8Length(answer.value.events) + utf8Length(answer.value.head);
      left += share;
      // A room gives one event at least, though that be more than its share.
      if (taken > 0 && taken + size > LIMITS.syncBytes) {
        unreached.push(chatId);
        return;
      }
      left -= size;
      taken += size;
      events.push(`"${chatId}":${answer.value.events}`);
      heads.push(`"${chatId}":${answer.value.head}`);
    } catch (fault) {
      left += share;
      unreached.push(chatId);
      ports.log('a room did not answer a catch-up', { chat_id: chatId, error: String(fault) });
    }
  });
  const rest = unreached.length > 0 ? `,"unreached":${JSON.stringify(unreached)}` : '';
  return `,"events":{${events.join(',')}},"heads":{${heads.join(',')}}${rest}`;
}
