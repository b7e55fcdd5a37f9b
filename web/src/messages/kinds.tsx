import type { ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import type { ShownMessage } from '../core/protocol.ts';
import { FileMessage, PictureMessage, SoundMessage } from './media.tsx';
import { ContactMessage, LocationMessage, StickerMessage } from './others.tsx';
import { PollMessage } from './poll.tsx';
import { TextMessage } from './text.tsx';

export interface KindProps {
  readonly message: ShownMessage;
  readonly own: boolean;
}

/** How each kind of message is shown. One more kind: a component of its own, and a line here. */
const KINDS: Partial<Record<string, ComponentType<KindProps>>> = {
  text: TextMessage,
  system: TextMessage,
  image: PictureMessage,
  video: PictureMessage,
  audio: SoundMessage,
  voice: SoundMessage,
  file: FileMessage,
  poll: PollMessage,
  location: LocationMessage,
  contact: ContactMessage,
  sticker: StickerMessage,
};

/** The inside of a bubble. A kind that this version does not know says so. */
export function MessageBody(props: KindProps) {
  const { t } = useTranslation();
  const Kind = KINDS[props.message.kind];
  if (Kind !== undefined) return <Kind {...props} />;
  // What an app makes of its own says in words what it is, where it says anything.
  if (props.message.content !== '') return <TextMessage {...props} />;
  return <em>{t(props.message.kind === 'custom' ? 'kind.custom' : 'message.unsupported')}</em>;
}
