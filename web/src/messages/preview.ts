import type { TFunction } from 'i18next';
import type { ShownMessage } from '../core/protocol.ts';

type Previewed = Pick<ShownMessage, 'kind' | 'content' | 'recalled'> &
  Partial<Pick<ShownMessage, 'files' | 'sticker' | 'location' | 'contact'>>;

/** What a message is, where it is more than its text. */
function kindOf({ kind, content, files, sticker, contact }: Previewed, t: TFunction): string | undefined {
  switch (kind) {
    case 'image':
      return t('files.photos', { count: files?.length ?? 1 });
    case 'video':
      return t('files.video');
    case 'voice':
      return t('files.voice');
    case 'audio':
    case 'file':
      return files?.length === 1 ? files[0]?.name : t('files.files', { count: files?.length ?? 1 });
    case 'poll':
      return t('poll.title');
    case 'location':
      return t('kind.location');
    case 'contact':
      return t('kind.contact', { name: contact?.name ?? '' });
    case 'sticker':
      return sticker?.emoji;
    case 'custom':
      return content === '' ? t('kind.custom') : undefined;
    case 'text':
    case 'system':
      return undefined;
  }
}

/** A message in one line: in the list, in a quote, in a notification. */
export function previewOf(message: Previewed, t: TFunction): string {
  if (message.recalled !== undefined) return t('message.recalled');
  const text = message.content.replaceAll(/\s+/g, ' ').slice(0, 200);
  return [kindOf(message, t), text].filter((part) => part !== undefined && part !== '').join(': ');
}
