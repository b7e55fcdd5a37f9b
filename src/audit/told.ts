import type { RoomReport } from '../conversation/api.ts';
import type { Db } from '../db/client.ts';
import { readPair } from '../db/contacts.ts';
import { findWorkspace } from '../db/workspaces.ts';
import { room } from '../objects/stubs.ts';
import { retentionOf } from '../workspaces/settle.ts';
import type { Found } from './found.ts';

/*
 * What rooms know because D1 has told them, or in a version that D1 has not come to: what it tells next would be taken for old.
 */

/** Who of the two of a Single has blocked the other. */
export async function blocksBehind(env: Env, db: Db, chat_id: string, report: RoomReport): Promise<Found[]> {
  const [one, other, ...more] = report.members;
  if (one === undefined || other === undefined || more.length > 0) return [];
  const { mine, theirs, versions } = await readPair(db, one, other);
  const sides = [
    { user_id: one, blocked: mine.blocked_at !== null, version: versions.mine },
    { user_id: other, blocked: theirs.blocked_at !== null, version: versions.theirs },
  ];
  return sides.flatMap(({ user_id, ...block }): Found[] => {
    const held = report.blocks.find((row) => row.user_id === user_id) ?? { blocked: false, version: 0 };
    if (held.blocked === block.blocked && held.version <= block.version) return [];
    return [{ kind: 'block.behind', chat_id, user_id, mend: () => room(env, chat_id).mendBlock(user_id, block) }];
  });
}

/** How long the workspace of a conversation keeps messages. */
export async function retentionBehind(env: Env, db: Db, chat_id: string, report: RoomReport): Promise<Found[]> {
  const workspace = report.workspace_id === null ? undefined : await findWorkspace(db, report.workspace_id);
  if (workspace === undefined) return [];
  const limit = retentionOf(workspace);
  const held = report.retention ?? { seconds: null, version: 0 };
  if (held.seconds === limit.seconds && held.version <= limit.version) return [];
  return [{ kind: 'retention.behind', chat_id, mend: () => room(env, chat_id).mendRetention(limit) }];
}
