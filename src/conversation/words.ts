/**
 * How text is cut into words for search: once for the index, once for a query, once to mark what was found.
 *
 * A word is a run of letters and digits, compared without regard to case, width and accents. Scripts that are written without
 * spaces, and Korean, whose endings grow on the word, are indexed by overlapping pairs of characters (as Lucene's
 * CJKBigramFilter does) and the last one alone: so any substring is found, down to a single character.
 */

const PAIRED = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々〆`;
/** A script has signs besides its letters (the radical ⺀): those are no words. */
const LETTER = String.raw`\p{L}\p{N}\p{M}`;
const RUN = new RegExp(`(?:(?=[${PAIRED}])[${LETTER}])+|(?:(?![${PAIRED}])[${LETTER}])+`, 'gu');
/** What a letter may be made of: `½` is `1⁄2`, `⑴` is `(1)`. */
const NOT_LETTER = new RegExp(`[^${LETTER}]`, 'gu');
const IS_PAIRED = new RegExp(`^[${PAIRED}]`, 'u');

/** Longest word that is told apart from others, in characters: what is longer was not written to be read. */
const WORD_MAX = 64;
/** Terms in one query. */
const TERMS_MAX = 16;

/** A word, or one character of a run that is indexed by pairs. */
interface Unit {
  text: string;
  start: number;
  end: number;
  paired: boolean;
}

/** What has to stand in a message, in this order and next to each other. */
interface Term {
  units: Unit[];
  /** The last word may go on. */
  prefix: boolean;
}

export interface Query {
  all: Term[];
  none: Term[];
}

const fold = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .replace(NOT_LETTER, '');

function unitsOf(text: string): Unit[] {
  const units: Unit[] = [];
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (!IS_PAIRED.test(run)) {
      units.push({ text: fold(run).slice(0, WORD_MAX), start: index, end: index + run.length, paired: false });
      continue;
    }
    let start = index;
    for (const char of run) {
      units.push({ text: fold(char), start, end: start + char.length, paired: true });
      start += char.length;
    }
  }
  return units;
}

/** The character belongs to the same run as the one before it. */
const joins = (unit: Unit, before: Unit | undefined): boolean =>
  unit.paired && before?.paired === true && before.end === unit.start;

/** The tokens of a text. `open`: the text may go on behind its last character, as a part of a message may. */
function tokensOf(units: Unit[], open: boolean): string[] {
  const tokens: string[] = [];
  for (const [index, unit] of units.entries()) {
    const next = units[index + 1];
    if (next !== undefined && joins(next, unit)) tokens.push(unit.text + next.text);
    else if (!unit.paired || !open || next !== undefined || !joins(unit, units[index - 1])) tokens.push(unit.text);
  }
  return tokens;
}

/** The text as the index gets it: its tokens with spaces between. */
export const indexed = (text: string): string => tokensOf(unitsOf(text.normalize('NFC')), false).join(' ');

/** Words must all be there, `"words in quotes"` next to each other, `word*` begins a word, `-word` must not be there. */
export function parseQuery(text: string): Query {
  const query: Query = { all: [], none: [] };
  for (const [piece] of text.normalize('NFC').matchAll(/-?"[^"]*"\*?|\S+/g)) {
    const not = piece.startsWith('-') && piece.length > 1;
    const units = unitsOf(piece);
    if (units.length === 0 || query.all.length + query.none.length >= TERMS_MAX) continue;
    const term = { units, prefix: piece.endsWith('*') };
    if (not) query.none.push(term);
    else query.all.push(term);
  }
  return query;
}

/** The term in the language of FTS5. Tokens are letters and digits, so that nothing in them has to be escaped. */
function termMatch({ units, prefix }: Term): string {
  const last = units.at(-1);
  const alone = last?.paired === true && !joins(last, units.at(-2));
  return `"${tokensOf(units, true).join(' ')}"${alone || (prefix && last?.paired === false) ? '*' : ''}`;
}

/** What all terms ask for, in the language of FTS5; undefined when the query asks for no word. */
export function ftsMatch({ all, none }: Query): string | undefined {
  if (all.length === 0) return undefined;
  const wanted = `(${all.map(termMatch).join(' AND ')})`;
  return none.length === 0 ? wanted : `(${wanted} NOT (${none.map(termMatch).join(' OR ')}))`;
}

function matchesAt(units: Unit[], at: number, term: Term): number | undefined {
  for (const [offset, wanted] of term.units.entries()) {
    const unit = units[at + offset];
    if (unit === undefined || unit.paired !== wanted.paired) return undefined;
    const joined = joins(wanted, term.units[offset - 1]);
    if (joined && !joins(unit, units[at + offset - 1])) return undefined;
    const last = offset === term.units.length - 1;
    if (last && term.prefix ? !unit.text.startsWith(wanted.text) : unit.text !== wanted.text) return undefined;
  }
  return units[at + term.units.length - 1]?.end;
}

/** Where the query's words stand in a text: [start, end) in UTF-16 units, ascending, not overlapping. */
export function highlights(text: string, { all }: Query, most = 32): [number, number][] {
  // Positions are told in the text as it is: text that is not composed as the index has it is not marked.
  if (text !== text.normalize('NFC')) return [];
  const units = unitsOf(text);
  const found: [number, number][] = [];
  for (let at = 0; at < units.length && found.length < most; at++) {
    const start = units[at]?.start ?? 0;
    let end = 0;
    for (const term of all) end = Math.max(end, matchesAt(units, at, term) ?? 0);
    const before = found.at(-1);
    if (end === 0) continue;
    if (before !== undefined && start <= before[1]) before[1] = Math.max(before[1], end);
    else found.push([start, end]);
  }
  return found;
}

/** About this many characters around the first place that was found. */
const SNIPPET = 160;

/** A part of the text with the first place in it, cut between characters, and the places in that part. */
export function snippet(text: string, query: Query): { snippet: string; highlights: [number, number][] } {
  const marks = highlights(text, query);
  if (text.length <= SNIPPET * 1.5) return { snippet: text, highlights: marks };
  const first = marks[0]?.[0] ?? 0;
  let from = Math.max(0, first - SNIPPET / 4);
  let to = Math.min(text.length, from + SNIPPET);
  if (isLow(text, from)) from -= 1;
  if (isLow(text, to)) to += 1;
  return {
    snippet: text.slice(from, to),
    highlights: marks
      .filter(([start, end]) => start >= from && end <= to)
      .map(([start, end]): [number, number] => [start - from, end - from]),
  };
}

/** The second half of a surrogate pair stands here. */
const isLow = (text: string, at: number): boolean => /^[\udc00-\udfff]/.test(text.slice(at, at + 1));
