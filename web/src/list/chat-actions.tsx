import type { ChatListItem, Preferences } from '@tideline/sdk';
import {
  Archive,
  ArchiveRestore,
  Bell,
  BellOff,
  CheckCheck,
  LogOut,
  MessageCircleDashed,
  Pin,
  PinOff,
  Trash2,
} from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useBridge, useFace } from '../bridge/hooks.ts';
import { attempt } from '../notify.ts';
import { ask, type MenuEntry } from '../ui/overlays.ts';

/** What can be done with a conversation from outside of it. */
export function useChatActions(row: ChatListItem): MenuEntry[] {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { name } = useFace(row);
  const chat = bridge.chat(row.id);
  const prefer = (preferences: Preferences) => () => void attempt(chat.prefer(preferences));
  const sure = async (title: string, text: string, action: string, run: () => Promise<unknown>) => {
    if (await ask({ title, text, action })) await attempt(run());
  };
  const entries: (MenuEntry | false)[] = [
    row.unread > 0 || row.marked_unread
      ? {
          id: 'read',
          label: t('details.markRead'),
          icon: <CheckCheck size={16} />,
          run: () => {
            void attempt(chat.read(row.head_seq));
            if (row.marked_unread) void attempt(chat.prefer({ marked_unread: false }));
          },
        }
      : {
          id: 'unread',
          label: t('details.markUnread'),
          icon: <MessageCircleDashed size={16} />,
          run: prefer({ marked_unread: true }),
        },
    row.pinned
      ? { id: 'pin', label: t('details.unpin'), icon: <PinOff size={16} />, run: prefer({ pinned: false }) }
      : { id: 'pin', label: t('details.pin'), icon: <Pin size={16} />, run: prefer({ pinned: true }) },
    row.muted
      ? { id: 'mute', label: t('details.unmute'), icon: <Bell size={16} />, run: prefer({ muted: false }) }
      : { id: 'mute', label: t('details.mute'), icon: <BellOff size={16} />, run: prefer({ muted: true }) },
    row.archived
      ? {
          id: 'archive',
          label: t('details.unarchive'),
          icon: <ArchiveRestore size={16} />,
          run: prefer({ archived: false }),
        }
      : { id: 'archive', label: t('details.archive'), icon: <Archive size={16} />, run: prefer({ archived: true }) },
    row.type !== 'Single' && {
      id: 'leave',
      label: t('details.leave'),
      icon: <LogOut size={16} />,
      danger: true,
      run: () =>
        void sure(t('details.leaveAsk', { name }), t('details.leaveText'), t('details.leave'), () => chat.leave()),
    },
    row.role === 'owner' &&
      row.type !== 'Single' && {
        id: 'delete',
        label: t('details.delete'),
        icon: <Trash2 size={16} />,
        danger: true,
        run: () =>
          void sure(t('details.deleteAsk', { name }), t('details.deleteText'), t('details.delete'), () =>
            chat.delete(),
          ),
      },
  ];
  return entries.filter((entry) => entry !== false);
}
