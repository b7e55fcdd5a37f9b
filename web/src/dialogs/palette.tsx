import { Autocomplete } from '@base-ui/react/autocomplete';
import type { ChatListItem } from '@tideline/sdk';
import {
  Bookmark,
  Building2,
  CheckCheck,
  CornerDownLeft,
  Settings as Gear,
  Hash,
  Moon,
  Pencil,
  Search,
  SkipForward,
  TextSearch,
  UsersRound,
} from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { peerOf, useBridge, useNames, useSelf, useSortedRows } from '../bridge/hooks.ts';
import { darkNow, set } from '../settings/store.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Badge } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { closeDialog, openDialog } from './store.ts';

/** Conversations shown at a time: whoever wants another one types on. */
const SHOWN = 50;

interface Item {
  readonly id: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly unread?: number;
  readonly run: () => void;
}

interface Group {
  readonly value: string;
  readonly items: readonly Item[];
}

/** Finds conversations and commands by a few letters. */
export default function Palette() {
  const { t } = useTranslation();
  const [, go] = useLocation();
  const rows = useSortedRows();
  const commands = useCommands(rows);
  const names = useNames();
  const self = useSelf();
  const groups = useMemo<Group[]>(() => {
    const chats = rows.map((row): Item => {
      const peer = peerOf(row, self.id);
      const label = peer === undefined ? (row.name ?? t(`details.type.${row.type}`)) : names(peer);
      return {
        id: row.id,
        label,
        icon: <Avatar id={peer ?? row.id} name={label} size={24} square={peer === undefined} />,
        unread: row.unread,
        run: () => go(`/c/${row.id}`),
      };
    });
    return [
      { value: t('palette.conversations'), items: chats },
      { value: t('palette.commands'), items: commands },
    ];
  }, [rows, commands, names, self.id, t, go]);

  return (
    <Dialog title={t('palette.title')} closeLabel={t('common.close')} onClose={closeDialog} bare>
      <Autocomplete.Root<Group>
        items={groups}
        limit={SHOWN}
        open
        inline
        autoHighlight="always"
        itemToStringValue={(item) => (item as unknown as Item).label}
      >
        <div className={css.paletteField}>
          <Search size={18} aria-hidden="true" />
          <Autocomplete.Input aria-label={t('palette.title')} placeholder={t('palette.placeholder')} autoFocus />
        </div>
        <Autocomplete.Empty className={css.none}>{t('palette.empty')}</Autocomplete.Empty>
        <Autocomplete.List className={css.results}>
          {(group: Group) => (
            <Autocomplete.Group key={group.value} items={group.items}>
              <Autocomplete.GroupLabel className={css.group}>{group.value}</Autocomplete.GroupLabel>
              <Autocomplete.Collection>
                {(item: Item) => (
                  <Autocomplete.Item
                    key={item.id}
                    value={item}
                    className={css.result}
                    onClick={() => {
                      closeDialog();
                      item.run();
                    }}
                  >
                    <span className={css.resultIcon}>{item.icon}</span>
                    <span className={css.resultLabel}>{item.label}</span>
                    {(item.unread ?? 0) > 0 && (
                      <Badge count={item.unread ?? 0} label={t('list.unreadCount', { count: item.unread ?? 0 })} />
                    )}
                    <CornerDownLeft className={css.enter} size={15} aria-hidden="true" />
                  </Autocomplete.Item>
                )}
              </Autocomplete.Collection>
            </Autocomplete.Group>
          )}
        </Autocomplete.List>
      </Autocomplete.Root>
    </Dialog>
  );
}

function useCommands(rows: readonly ChatListItem[]): Item[] {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  return useMemo(
    () => [
      { id: 'new', label: t('list.new'), icon: <Pencil size={17} />, run: () => openDialog({ name: 'new' }) },
      {
        id: 'unread',
        label: t('palette.nextUnread'),
        icon: <SkipForward size={17} />,
        run: () => {
          const next = rows.find((row) => row.unread > 0 && !row.archived);
          if (next !== undefined) go(`/c/${next.id}`);
        },
      },
      {
        id: 'read',
        label: t('palette.markAllRead'),
        icon: <CheckCheck size={17} />,
        run: () => {
          for (const row of rows) if (row.unread > 0) void bridge.chat(row.id).read(row.head_seq);
        },
      },
      { id: 'search', label: t('search.title'), icon: <TextSearch size={17} />, run: () => go('/search') },
      { id: 'saved', label: t('saved.title'), icon: <Bookmark size={17} />, run: () => go('/saved') },
      { id: 'people', label: t('people.title'), icon: <UsersRound size={17} />, run: () => go('/people') },
      { id: 'channels', label: t('channels.title'), icon: <Hash size={17} />, run: () => go('/channels') },
      { id: 'workspaces', label: t('workspace.title'), icon: <Building2 size={17} />, run: () => go('/w') },
      {
        id: 'theme',
        label: t('palette.toggleTheme'),
        icon: <Moon size={17} />,
        run: () => set({ theme: darkNow() ? 'light' : 'dark' }),
      },
      {
        id: 'settings',
        label: t('settings.title'),
        icon: <Gear size={17} />,
        run: () => openDialog({ name: 'settings', page: 'profile' }),
      },
    ],
    [t, bridge, rows, go],
  );
}
