import { LIMITS } from '../../src/protocol/limits.ts';

/*
 * Reads an IRC log as bytes. The form is that of the Ubuntu logs: a line for each event, counted from 0, either
 * `[hh:mm] <nick> text`, `[hh:mm]  * nick text`, or `=== nick …` for a join, a leave, a new nick, or (in old logs) an
 * action. Nothing in a log is fatal: what cannot be read is a problem of its line.
 */

/** What a line says. `line` counts from 0, as the annotations do. */
export type LogLine = { line: number; nick: string } & (
  | { kind: 'message'; text: string }
  | { kind: 'join' }
  | { kind: 'leave' }
  | { kind: 'rename'; to: string }
);

export interface Problem {
  line: number;
  what: string;
  /** false: the line was used all the same. */
  skipped: boolean;
}

export interface ParsedLog {
  lines: LogLine[];
  problems: Problem[];
  /** Lines in the file, empty ones at its end not counted. */
  count: number;
}

/** Longest nick that is taken; a user's name has room for it. */
const NICK_MAX = 64;
/** Room in a frame for everything but the text. */
const ENVELOPE_BYTES = 2048;

const MESSAGE = /^\[([01]\d|2[0-3]):[0-5]\d\] <([^<>]*)>(?: (.*))?$/s;
const ACTION = /^\[([01]\d|2[0-3]):[0-5]\d\] {1,2}\* (\S+)(?: (.*))?$/s;
const RENAME = /^=== (\S+) is now known as (\S+)\s*$/;
const JOIN = /^=== (\S+) (?:\[.*\] *)?\s*has joined [#&]\S+\s*$/;
const LEAVE = /^=== (\S+) (?:\[.*?\] *)?\s*has (?:left [#&]\S+|quit\b)(?: ?.*)?$/s;
/** An action as old logs have it. What is no IRC nick there is a notice of the server. */
const OLD_ACTION = /^=== ([A-Za-z0-9[\]\\`_^{|}-]+) (.*)$/s;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a name may not have
const NO_NAME = /[\s\u0000-\u001f\u007f-\u009f]/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Windows-1252, as the Encoding Standard has it: what IRC clients of old wrote. */
const latin1 = new TextDecoder('latin1');
const encoder = new TextEncoder();

/** A nick without regard to case, as IRC compares them. */
export const foldNick = (nick: string): string =>
  nick.toLowerCase().replaceAll('[', '{').replaceAll(']', '}').replaceAll('\\', '|').replaceAll('~', '^');

const isNick = (nick: string): boolean =>
  nick.length > 0 && nick.length <= NICK_MAX && !NO_NAME.test(nick) && nick.isWellFormed();

class Unreadable extends Error {}

function nickOf(text: string): string {
  if (isNick(text)) return text;
  throw new Unreadable(
    text.length === 0 ? 'there is no nick' : 'the nick is too long, or has characters no name may have',
  );
}

function textOf(text: string): string {
  if (text === '') throw new Unreadable('there is no text');
  const bytes = encoder.encode(text).byteLength;
  if (bytes > LIMITS.contentBytes) {
    throw new Unreadable(`the text has ${bytes} bytes, a message takes ${LIMITS.contentBytes}`);
  }
  const escaped = encoder.encode(JSON.stringify(text)).byteLength;
  if (escaped > LIMITS.frameBytes - ENVELOPE_BYTES) {
    throw new Unreadable(`the text takes ${escaped} bytes as JSON, more than fits into a frame`);
  }
  return text;
}

/** Throws `Unreadable`. */
function parseLine(line: number, text: string): LogLine {
  const message = MESSAGE.exec(text);
  if (message) return { line, nick: nickOf(message[2] ?? ''), kind: 'message', text: textOf(message[3] ?? '') };
  const action = ACTION.exec(text);
  if (action) return actionOf(line, action[2] ?? '', action[3] ?? '');
  const rename = RENAME.exec(text);
  if (rename) return { line, nick: nickOf(rename[1] ?? ''), kind: 'rename', to: nickOf(rename[2] ?? '') };
  const join = JOIN.exec(text);
  if (join) return { line, nick: nickOf(join[1] ?? ''), kind: 'join' };
  const leave = LEAVE.exec(text);
  if (leave) return { line, nick: nickOf(leave[1] ?? ''), kind: 'leave' };
  const old = OLD_ACTION.exec(text);
  if (old) return actionOf(line, old[1] ?? '', old[2] ?? '');
  throw new Unreadable(text === '' ? 'the line is empty' : 'the line has no form that is known');
}

/** `/me does something`: sent as `* nick does something`, the way a log shows it. */
function actionOf(line: number, nick: string, text: string): LogLine {
  if (text === '') throw new Unreadable('there is no text');
  return { line, nick: nickOf(nick), kind: 'message', text: textOf(`* ${nick} ${text}`) };
}

/** Text of a line. Bytes that are no UTF-8 are read as Latin-1, which always works and says so. */
function decode(bytes: Uint8Array): { text: string; foreign: boolean } {
  try {
    return { text: utf8.decode(bytes), foreign: false };
  } catch {
    return { text: latin1.decode(bytes), foreign: true };
  }
}

/** Where lines begin and end; a line ends with LF or CRLF. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let from = hasMark ? 3 : 0;
  while (from < bytes.length) {
    const found = bytes.indexOf(0x0a, from);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(from, end > from && bytes[end - 1] === 0x0d ? end - 1 : end);
    from = end + 1;
  }
}

/** @param limit lines that are read at most */
export function parseLog(bytes: Uint8Array, limit = Number.POSITIVE_INFINITY): ParsedLog {
  const lines: LogLine[] = [];
  const problems: Problem[] = [];
  let line = 0;
  for (const part of linesOf(bytes)) {
    if (line >= limit) break;
    const { text, foreign } = decode(part);
    try {
      lines.push(parseLine(line, text));
      if (foreign) problems.push({ line, what: 'not UTF-8: read as Latin-1', skipped: false });
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const what = foreign ? `${error.message}; it is not UTF-8 either` : error.message;
      problems.push({ line, what, skipped: true });
    }
    line += 1;
  }
  return { lines, problems, count: line };
}

export interface ParsedReplies {
  /** By line, the lines that it answers, ascending. */
  replies: Map<number, number[]>;
  problems: Problem[];
}

/** Reply links, `A B -`: line B answers line A. A = B begins a thread and is no link. */
export function parseReplies(bytes: Uint8Array): ParsedReplies {
  const replies = new Map<number, number[]>();
  const problems: Problem[] = [];
  let line = 0;
  for (const part of linesOf(bytes)) {
    const match = /^(\d{1,9}) (\d{1,9}) -?\s*$/.exec(decode(part).text);
    const [from, to] = [Number(match?.[1]), Number(match?.[2])];
    if (match === null) problems.push({ line, what: 'no reply link (`A B -`)', skipped: true });
    else if (from > to) problems.push({ line, what: `line ${to} would answer the later line ${from}`, skipped: true });
    else if (from < to)
      replies.set(
        to,
        [...(replies.get(to) ?? []), from].sort((a, b) => a - b),
      );
    line += 1;
  }
  return { replies, problems };
}
