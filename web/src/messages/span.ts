import { LIMITS } from '@tideline/sdk';

/** A piece of a message's text, in UTF-16 code units. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Where a selected text stands in the text of a message; undefined where it is none of it. */
export function spanOf(content: string, selected: string): Span | undefined {
  const wanted = selected.trim();
  const offset = wanted === '' ? -1 : content.indexOf(wanted);
  if (offset === -1) return undefined;
  // Not cut inside of a character.
  const length = Math.min(wanted.length, LIMITS.quoteLength);
  const cut = /[\ud800-\udbff]/.test(content.charAt(offset + length - 1)) ? length - 1 : length;
  return { offset, length: cut };
}

/** What of a message's text is selected on the page: it begins and ends in the line of that message. */
export function selectedIn(line: Element | null, content: string): Span | undefined {
  const selection = window.getSelection();
  if (line === null || selection === null || selection.isCollapsed) return undefined;
  if (!line.contains(selection.anchorNode) || !line.contains(selection.focusNode)) return undefined;
  return spanOf(content, selection.toString());
}
