import type { TFunction } from 'i18next';
import type { ShownMessage } from '../core/protocol.ts';

/** A message in one line: in the list, in a quote, in a notification. */
export function previewOf(message: Pick<ShownMessage, 'kind' | 'content' | 'recalled'>, t: TFunction): string {
  if (message.recalled !== undefined) return t('message.recalled');
  return message.content.replaceAll(/\s+/g, ' ').slice(0, 200);
}
