import type { Contact } from '@tideline/sdk';
import {
  Bookmark,
  Building2,
  Settings as Gear,
  Hash,
  LogOut,
  MessagesSquare,
  Pencil,
  Search,
  TextSearch,
  UsersRound,
} from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Virtualizer } from 'virtua';
import { useLocation } from 'wouter';
import { useBridge, useSelf, useSortedRows } from '../bridge/hooks.ts';
import { usePart } from '../bridge/store.ts';
import { forgetDrafts } from '../chat/drafts.ts';
import { openDialog } from '../dialogs/store.ts';
import { Avatar } from '../ui/avatar.tsx';
import { openMenu } from '../ui/overlays.ts';
import { Button, Empty, IconButton, Keys } from '../ui/ui.tsx';
import { ChatRow } from './chat-row.tsx';
import { FILTERS, type Filter } from './filters.ts';
import css from './sidebar.module.css';

/** The list of conversations, with what leads to everything else. */
export function Sidebar() {
  const { t } = useTranslation();
  const rows = useSortedRows();
  const [filter, setFilter] = useState<Filter>('all');
  const shown = useMemo(() => rows.filter(FILTERS[filter]), [rows, filter]);
  const waiting = useMemo(() => rows.filter(FILTERS.unread).length, [rows]);
  const [path] = useLocation();
  const scroller = useRef<HTMLDivElement>(null);
  return (
    <nav className={css.side} aria-label={t('list.title')}>
      <header className={css.head}>
        <AccountButton />
        <h1 className={css.title}>{t('app.name')}</h1>
        <IconButton label={t('list.new')} onClick={() => openDialog({ name: 'new' })}>
          <Pencil size={18} />
        </IconButton>
      </header>
      <button type="button" className={css.search} onClick={() => openDialog({ name: 'palette' })}>
        <Search size={16} aria-hidden="true" />
        <span>{t('list.search')}</span>
        <span aria-hidden="true">
          <Keys keys="Ctrl K" />
        </span>
      </button>
      <fieldset className={css.filters} aria-label={t('list.filter')}>
        {(Object.keys(FILTERS) as Filter[]).map((name) => (
          <button key={name} type="button" aria-pressed={filter === name} onClick={() => setFilter(name)}>
            {t(`list.${name}`)}
            {name === 'unread' && waiting > 0 && <span className={css.count}>{waiting}</span>}
          </button>
        ))}
      </fieldset>
      {shown.length > 0 ? (
        <div className={css.list} ref={scroller}>
          <Virtualizer data={shown} itemSize={70} as="ul" item="li" scrollRef={scroller}>
            {(row) => <ChatRow key={row.id} row={row} current={path === `/c/${row.id}`} />}
          </Virtualizer>
        </div>
      ) : rows.length === 0 ? (
        <Empty icon={<MessagesSquare size={28} />} title={t('list.empty')}>
          <p>{t('list.emptyText')}</p>
          <Button look="primary" onClick={() => openDialog({ name: 'new' })}>
            {t('list.new')}
          </Button>
        </Empty>
      ) : (
        <Empty icon={<MessagesSquare size={28} />} title={t('list.emptyFilter')}>
          <p>{t('list.emptyFilterText')}</p>
        </Empty>
      )}
    </nav>
  );
}

/** Somebody who waits for an answer to their request. */
const isAsking = ({ state, blocked }: Contact): boolean => state === 'received' && !blocked;

function AccountButton() {
  const { t } = useTranslation();
  const user = useSelf();
  const bridge = useBridge();
  const [, go] = useLocation();
  const asking = usePart(bridge.contacts, (all) => [...all.values()].filter(isAsking).length);
  const signOut = async () => {
    forgetDrafts();
    // The core says that the session is over; that the server was not told changes nothing here.
    await bridge.client.signOut().catch(() => undefined);
    go('/signin');
  };
  return (
    <button
      type="button"
      className={css.account}
      aria-haspopup="menu"
      aria-label={
        asking > 0
          ? `${user.fullname}, ${t('people.waiting', { count: asking })}, ${t('settings.title')}`
          : `${user.fullname}, ${t('settings.title')}`
      }
      onClick={(event) =>
        openMenu({
          anchor: event.currentTarget,
          label: user.fullname,
          entries: [
            {
              id: 'settings',
              label: t('settings.title'),
              icon: <Gear size={16} />,
              run: () => openDialog({ name: 'settings', page: 'profile' }),
            },
            { id: 'search', label: t('search.title'), icon: <TextSearch size={16} />, run: () => go('/search') },
            { id: 'saved', label: t('saved.title'), icon: <Bookmark size={16} />, run: () => go('/saved') },
            {
              id: 'people',
              label: asking > 0 ? `${t('people.title')} (${asking})` : t('people.title'),
              icon: <UsersRound size={16} />,
              run: () => go('/people'),
            },
            { id: 'channels', label: t('channels.title'), icon: <Hash size={16} />, run: () => go('/channels') },
            { id: 'workspaces', label: t('workspace.title'), icon: <Building2 size={16} />, run: () => go('/w') },
            {
              id: 'out',
              label: t('auth.signOut'),
              icon: <LogOut size={16} />,
              danger: true,
              run: () => void signOut(),
            },
          ],
        })
      }
    >
      <Avatar id={user.id} name={user.fullname} image={user.avatar} size={36} />
      {asking > 0 && <span className={css.asking} aria-hidden="true" data-count={asking} />}
    </button>
  );
}
