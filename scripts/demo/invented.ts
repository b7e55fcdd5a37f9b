/**
 * A log and its reply links that nobody wrote, for those who have none: the same every time, with all that a real one
 * has, lines that cannot be read among it.
 */
export function inventedLog(): { log: Uint8Array; replies: Uint8Array } {
  const random = generator(2016);
  const pick = <T>(list: readonly T[]): T => {
    const item = list[Math.floor(random() * list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const lines: (string | Uint8Array)[] = [];
  const replies: string[] = [];
  const nicks = Array.from({ length: PEOPLE }, (_, index) => `${pick(NAMES)}${index}`);
  const away = new Set(nicks.slice(0, 8));
  const said: number[] = [];
  for (let minute = 0; lines.length < LINES; minute += random() < 0.4 ? 1 : 0) {
    const nick = pick(nicks);
    const chance = random();
    if (away.has(nick)) {
      away.delete(nick);
      lines.push(`=== ${nick} [~${nick}@host.example]  has joined #tideline`);
    } else if (chance < 0.05) {
      away.add(nick);
      lines.push(`=== ${nick} [~${nick}@host.example]  has left #tideline []`);
    } else if (chance < 0.09) {
      const next = nick.endsWith('_') ? nick.slice(0, -1) : `${nick}_`;
      nicks[nicks.indexOf(nick)] = next;
      lines.push(`=== ${nick} is now known as ${next}`);
    } else if (chance < 0.12) {
      lines.push(`${clock(minute)}  * ${nick} looks at the ${pick(THINGS)}`);
    } else if (chance < 0.15) {
      lines.push(pick(BROKEN)(nick, minute));
    } else {
      if (said.length > 0 && random() < 0.3) replies.push(`${pick(said.slice(-12))} ${lines.length} -`);
      said.push(lines.length);
      lines.push(`${clock(minute)} <${nick}> ${pick(PHRASES)(pick(THINGS), pick(nicks))}`);
    }
  }
  return { log: joined(lines), replies: joined(['nonsense', ...replies]) };
}

const PEOPLE = 40;
const LINES = 400;
const NAMES = ['ada', 'ben', 'Cleo', 'dora', 'Émile', 'fenja', '好世界', 'гриша', '[gus]', '|hal|'];
const THINGS = ['tide', 'harbour', 'lighthouse', 'anchor', 'rope', 'chart', 'moon', '潮', '🌊', 'fog'];
const PHRASES: ((thing: string, nick: string) => string)[] = [
  (thing) => `has anybody seen the ${thing}?`,
  (thing, nick) => `${nick}: the ${thing} is where it always was`,
  (thing) => `  two spaces before, one after the ${thing} `,
  (thing) => `"${thing}" \\ ${thing} / \t tab and \u0002bold\u0002`,
  (thing) => `${thing} `.repeat(30).trim(),
  (thing) => `大家好 ${thing} 👩‍👩‍👧‍👦 e\u0301 ñ`,
  () => '.',
];
const BROKEN: ((nick: string, minute: number) => string | Uint8Array)[] = [
  (nick, minute) => `${clock(minute)} <${nick}> `,
  () => '',
  (nick) => `[25:61] <${nick}> at no time`,
  (nick) => `<${nick}> without a time`,
  () => '=== mode/#tideline [+o ada] by ben',
  // "Grüße" as Latin-1 has it.
  (nick, minute) => bytes(`${clock(minute)} <${nick}> `, [0x47, 0x72, 0xfc, 0xdf, 0x65]),
  () => new Uint8Array([0x00, 0xff, 0xfe, 0x80]),
];

const encoder = new TextEncoder();
const bytes = (text: string, rest: number[]): Uint8Array => new Uint8Array([...encoder.encode(text), ...rest]);
const two = (value: number): string => String(value).padStart(2, '0');
const clock = (minute: number): string => `[${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}]`;

function joined(lines: (string | Uint8Array)[]): Uint8Array {
  const parts = lines.map((line) => (typeof line === 'string' ? encoder.encode(line) : line));
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length + 1, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    all[at + part.length] = 0x0a;
    at += part.length + 1;
  }
  return all;
}

/** Numbers in [0, 1) that look random and are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
