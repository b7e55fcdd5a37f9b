import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DOCUMENT = fileURLToPath(new URL('../../docs/COST.md', import.meta.url));
const [BEGIN, END] = ['<!-- figures: begin -->', '<!-- figures: end -->'];

/** Puts the tables into the document, in the place of the last ones. */
export function writeDocument(tables: string): void {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for the tables: ${BEGIN} … ${END}`);
  writeFileSync(DOCUMENT, `${text.slice(0, from)}${BEGIN}\n\n${tables}\n\n${text.slice(to)}`);
}
