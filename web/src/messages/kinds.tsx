import type { ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import type { ShownMessage } from '../core/protocol.ts';
import { TextMessage } from './text.tsx';

export interface KindProps {
  readonly message: ShownMessage;
  readonly own: boolean;
}

/** How each kind of message is shown. One more kind: a component of its own, and a line here. */
const KINDS: Partial<Record<string, ComponentType<KindProps>>> = {
  text: TextMessage,
};

/** The inside of a bubble. A kind that this version does not know says so. */
export function MessageBody(props: KindProps) {
  const { t } = useTranslation();
  const Kind = KINDS[props.message.kind];
  return Kind === undefined ? <em>{t('message.unsupported')}</em> : <Kind {...props} />;
}
