// `npm run docs`: writes the generated tables of docs/PROTOCOL.md. A test fails when they are not up to date.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './bundle.ts';
import { withTables } from './protocol/tables.ts';

const path = join(ROOT, 'docs/PROTOCOL.md');
const before = await readFile(path, 'utf8');
const after = withTables(before);
if (after === before) console.log('docs: up to date');
else {
  await writeFile(path, after);
  console.log('docs: tables of docs/PROTOCOL.md written');
}
