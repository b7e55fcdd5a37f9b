import { eq } from 'drizzle-orm';
import type { RoomReport } from '../conversation/api.ts';
import type { Db } from '../db/client.ts';
import { channels, channelWords } from '../db/schema.ts';
import { room } from '../objects/stubs.ts';
import type { Found } from './found.ts';

/**
 * The directory's entry of a public channel, where it is not as the room has it, or of a version that the room's log has not
 * come to: what the room tells of it next would be taken for old.
 */
export async function channelBehind(env: Env, db: Db, chat_id: string, report: RoomReport): Promise<Found[]> {
  if (report.listed === null && !report.deleted) return [];
  const row = await db.select().from(channels).where(eq(channels.id, chat_id)).get();
  const told = { ...report.listed, listed: report.listed?.listed ? 1 : 0, scope: report.workspace_id ?? '' };
  const same =
    report.listed === null
      ? (row?.listed ?? 0) === 0
      : row !== undefined &&
        row.version <= report.head_seq &&
        Object.entries(told).every(([name, value]) => Reflect.get(row, name) === value);
  if (same) return [];
  const mend = async () => {
    await db.batch([
      db.delete(channelWords).where(eq(channelWords.chat_id, chat_id)),
      db.delete(channels).where(eq(channels.id, chat_id)),
    ]);
    await room(env, chat_id).relist();
  };
  return [{ kind: 'channel.behind', chat_id, mend }];
}
