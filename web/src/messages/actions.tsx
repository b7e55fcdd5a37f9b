import type { ChatListItem } from '@tideline/sdk';
import type { TFunction } from 'i18next';
import { Copy, Reply, RotateCcw, Trash2 } from 'lucide-react';
import type { Bridge } from '../bridge/bridge.ts';
import type { MessageLine } from '../core/protocol.ts';
import { type MenuEntry, toast } from '../ui/overlays.ts';

export interface ActionContext {
  readonly line: MessageLine;
  readonly own: boolean;
  readonly chat: Pick<ChatListItem, 'id' | 'type' | 'role'>;
  readonly bridge: Bridge;
  readonly t: TFunction;
  readonly reply: () => void;
}

/** What can be done with a message. One more action: an entry here. */
export function messageActions({ line, bridge, t, reply }: ActionContext): MenuEntry[] {
  const { message, status } = line;
  const { chat_id, client_id } = message;
  if (status === 'failed') {
    return [
      {
        id: 'retry',
        label: t('message.retry'),
        icon: <RotateCcw size={16} />,
        run: () => bridge.outbox(chat_id, client_id, 'retry'),
      },
      {
        id: 'discard',
        label: t('message.discard'),
        icon: <Trash2 size={16} />,
        danger: true,
        run: () => bridge.outbox(chat_id, client_id, 'discard'),
      },
    ];
  }
  const entries: (MenuEntry | false)[] = [
    message.seq !== null && { id: 'reply', label: t('message.reply'), icon: <Reply size={16} />, run: reply },
    message.content !== '' && {
      id: 'copy',
      label: t('message.copy'),
      icon: <Copy size={16} />,
      run: () => void navigator.clipboard.writeText(message.content).then(() => toast(t('message.copied'))),
    },
  ];
  return entries.filter((entry) => entry !== false);
}
