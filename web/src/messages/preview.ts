import type { TFunction } from 'i18next';
import type { ShownMessage } from '../core/protocol.ts';

/** A message in one line: in the list, in a quote, in a notification. */
export function previewOf(
  message: ShownMessage | { kind: string; content: string },
  _t: TFunction,
  _names?: unknown,
): string {
  return message.content.replaceAll(/\s+/g, ' ').slice(0, 200);
}
