import { and, desc, eq, sql } from 'drizzle-orm';
import type { ListingEntry } from '../conversation/listing.ts';
import type { ChannelEntry } from '../protocol/people.ts';
import type { Db } from './client.ts';
import { channels, channelWords } from './schema.ts';

/** Words of one channel that are searched, and of one search; letters of a word that count. */
const WORDS = { ofChannel: 64, ofSearch: 5, letters: 32 } as const;

const segmenter = new Intl.Segmenter('und', { granularity: 'word' });
const IDEOGRAPH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** The words of a text, each once, as they are compared. Scripts that write no spaces between words go by characters. */
export function wordsOf(text: string): string[] {
  const words = [...segmenter.segment(text.normalize('NFKC').toLowerCase())]
    .filter(({ isWordLike }) => isWordLike)
    .flatMap(({ segment }) => (IDEOGRAPH.test(segment) ? [...segment] : [segment.slice(0, WORDS.letters)]));
  return [...new Set(words)];
}

const scopeOf = (workspaceId: string | null): string => workspaceId ?? '';

/** Brings a channel's entry to this state, unless a newer one is there. Doing it twice changes nothing. */
export async function listChannel(db: Db, entry: ListingEntry): Promise<void> {
  const { profile, workspace_id, listed, ...fields } = entry;
  const row = { ...fields, scope: scopeOf(workspace_id), listed: listed ? 1 : 0 };
  const { id, version } = row;
  const upsert = db
    .insert(channels)
    .values(row)
    .onConflictDoUpdate({ target: channels.id, set: row, setWhere: sql`${channels.version} <= ${version}` });
  if (!profile) {
    await upsert;
    return;
  }
  const words = listed ? wordsOf(`${row.name} ${row.topic ?? ''}`).slice(0, WORDS.ofChannel) : [];
  // Only who has written the entry writes its words.
  const current = sql`EXISTS (SELECT 1 FROM ${channels} WHERE ${channels.id} = ${id} AND ${channels.version} = ${version})`;
  await db.batch([
    upsert,
    db.delete(channelWords).where(and(eq(channelWords.chat_id, id), current)),
    db
      .insert(channelWords)
      .select(sql`SELECT ${row.scope}, value, ${id} FROM json_each(${JSON.stringify(words)}) WHERE ${current}`),
  ]);
}

export interface ChannelQuery {
  workspace_id: string | null;
  query: string;
  after: { member_count: number; id: string } | null;
  limit: number;
}

/** Listed channels that have a word beginning with each word of the query, those with the most members first. */
export async function findChannels(
  db: Db,
  { workspace_id, query, after, limit }: ChannelQuery,
): Promise<ChannelEntry[]> {
  const scope = scopeOf(workspace_id);
  const matches = wordsOf(query)
    .slice(0, WORDS.ofSearch)
    .map(
      (word) =>
        sql`${channels.id} IN (SELECT ${channelWords.chat_id} FROM ${channelWords} WHERE ${channelWords.scope} = ${scope}
          AND ${channelWords.word} >= ${word} AND ${channelWords.word} < ${`${word}\u{10ffff}`})`,
    );
  const behind =
    after === null ? undefined : sql`(${channels.member_count}, ${channels.id}) < (${after.member_count}, ${after.id})`;
  const rows = await db
    .select()
    .from(channels)
    .where(and(eq(channels.scope, scope), sql`${channels.listed} = 1`, behind, ...matches))
    .orderBy(desc(channels.member_count), desc(channels.id))
    .limit(limit);
  return rows.map(({ id, name, topic, avatar, join_policy, member_count }) => ({
    id,
    workspace_id,
    name,
    topic,
    avatar,
    join_policy,
    member_count,
  }));
}
