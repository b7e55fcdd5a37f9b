// `npm run audit [-- --repair]`: compares what D1, rooms, inboxes and R2 hold, and repairs it. Exits with 1 when something
// disagrees and was not repaired. The server is TIDELINE_URL, or the local one; the token ADMIN_TOKEN, or the local one.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { AUDIT_PARTS, AuditAnswer, type AuditPart, type Finding } from '../src/protocol/audit.ts';
import { Fault, messageOf } from './local/fault.ts';
import { readSettings, urlOf } from './local/settings.ts';

const { values } = parseArgs({ options: { repair: { type: 'boolean', default: false } } });
const settings = readSettings(process.env, process.cwd());
const url = process.env.TIDELINE_URL ?? urlOf(settings.host, settings.port);

async function adminToken(): Promise<string> {
  if (process.env.ADMIN_TOKEN !== undefined) return process.env.ADMIN_TOKEN;
  const path = join(settings.stateDir, 'secrets.json');
  try {
    return z.object({ ADMIN_TOKEN: z.string() }).parse(JSON.parse(await readFile(path, 'utf8'))).ADMIN_TOKEN;
  } catch (error) {
    throw new Fault(`${path}: ${messageOf(error)}; set ADMIN_TOKEN for a server elsewhere`);
  }
}

async function page(token: string, part: AuditPart, after: string): Promise<AuditAnswer> {
  const answer = await fetch(`${url}/api/admin/audit`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ part, after, repair: values.repair }),
  }).catch((error: unknown) => {
    throw new Fault(`${url} cannot be reached: ${messageOf(error)}`);
  });
  if (!answer.ok) throw new Fault(`${url} answers ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  return AuditAnswer.parse(await answer.json());
}

const told = ({ kind, chat_id, user_id, file_id, item, object, repaired }: Finding): string =>
  [kind, chat_id, user_id, file_id, item, object, repaired ? 'repaired' : undefined]
    .filter((part) => part !== undefined)
    .join('  ');

try {
  const token = await adminToken();
  const checked: Record<AuditPart, number> = { files: 0, objects: 0, chats: 0, users: 0 };
  let open = 0;
  for (const part of AUDIT_PARTS) {
    for (let after: string | null = ''; after !== null; ) {
      const answer: AuditAnswer = await page(token, part, after);
      for (const finding of answer.findings) {
        console.log(told(finding));
        if (!finding.repaired) open += 1;
      }
      checked[part] += answer.checked;
      after = answer.next_cursor;
    }
  }
  const { files, objects, chats, users } = checked;
  console.log(
    `${chats} conversations, ${users} users, ${files} contents of files and ${objects} objects checked, ${open} open findings`,
  );
  if (open > 0) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(`tideline: ${error.message}`);
  process.exitCode = 2;
}
