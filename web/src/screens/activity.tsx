import type { NotificationRow } from '@tideline/sdk';
import { Bell, CheckCheck, KeyRound, Trash2, X } from 'lucide-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useFace, useProfile, useRow } from '../bridge/hooks.ts';
import { failureCode } from '../bridge/remote.ts';
import { useStore } from '../bridge/store.ts';
import { openDialog } from '../dialogs/store.ts';
import { dayTitle, fullTime, timeOf } from '../i18n/times.ts';
import { complain } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Empty, IconButton } from '../ui/ui.tsx';
import css from './activity.module.css';
import { Screen } from './screen.tsx';

/** Runs a change of notifications; what went wrong is said in passing. */
function attempt(change: Promise<unknown>): void {
  change.catch((error: unknown) => {
    // Another device was faster.
    if (failureCode(error) !== 'not_found') complain(error);
  });
}

/** What concerns the user, by day. */
export default function Activity() {
  const { t } = useTranslation();
  const { client, notifications } = useBridge();
  const { rows, dropped } = useStore(notifications);
  const days = useMemo(() => Map.groupBy(rows, ({ at }) => dayTitle(at)), [rows]);
  const unread = rows.some(({ read_at }) => read_at === null);
  return (
    <Screen
      title={t('activity.title')}
      back="/"
      action={
        <span className={css.actions}>
          {(unread || dropped > 0) && (
            <Button onClick={() => attempt(client.notifications.markAllRead())}>
              <CheckCheck size={16} aria-hidden="true" />
              {t('activity.readAll')}
            </Button>
          )}
          {rows.length > 0 && (
            <IconButton label={t('activity.removeAll')} onClick={() => attempt(client.notifications.removeAll())}>
              <Trash2 size={18} />
            </IconButton>
          )}
        </span>
      }
    >
      {rows.length === 0 && (
        <Empty icon={<Bell size={28} />} title={t('activity.empty')}>
          <p>{t('activity.emptyText')}</p>
        </Empty>
      )}
      {[...days].map(([day, all]) => (
        <section key={day} className={css.day} aria-label={day}>
          <h2>{day}</h2>
          <ul>
            {all.map((row) => (
              <Item key={row.id} row={row} />
            ))}
          </ul>
        </section>
      ))}
      {dropped > 0 && <p className={css.dropped}>{t('activity.dropped', { count: dropped })}</p>}
    </Screen>
  );
}

/** Where a press leads: to the message, the people or the place that it is about; undefined: nowhere any more. */
function targetOf(row: NotificationRow): string | undefined {
  switch (row.kind) {
    case 'mention':
      return `/c/${row.chat_id}?at=${row.thread_seq ?? row.seq}`;
    case 'dm':
      return `/c/${row.chat_id}`;
    case 'friend_request':
    case 'friend_accepted':
      return '/people';
    case 'system':
      if (row.event === 'removed') return undefined;
      break;
    case 'invitation':
      break;
  }
  if (row.chat_id !== null) return `/c/${row.chat_id}`;
  return row.workspace_id === null ? undefined : `/w/${row.workspace_id}`;
}

const isRole = (text: string) =>
  text === 'owner' || text === 'admin' || text === 'moderator' || text === 'member' || text === 'guest';

function useText(row: NotificationRow): string {
  const { t } = useTranslation();
  const actor = useProfile(row.actor_id ?? undefined);
  const name = actor?.fullname ?? t('activity.somebody');
  if (row.kind !== 'system') return t(`activity.${row.kind}`, { name });
  switch (row.event) {
    case 'role': {
      const role = row.role ?? '';
      return t('activity.role', { name, role: isRole(role) ? t(`role.${role}`) : role });
    }
    case 'removed':
      return t(row.workspace_id === null ? 'activity.removed' : 'activity.removedFromWorkspace', { name });
    case 'new_device':
      return row.device === null ? t('activity.newDevice') : t('activity.newDeviceNamed', { device: row.device });
    case 'workspace_deletion':
      return t('activity.deletion');
  }
}

function Item({ row }: { row: NotificationRow }) {
  const { t } = useTranslation();
  const { client } = useBridge();
  const [, go] = useLocation();
  const actor = useProfile(row.actor_id ?? undefined);
  const text = useText(row);
  const unread = row.read_at === null;
  const open = () => {
    if (unread) attempt(client.notifications.markRead(row.id));
    const target = targetOf(row);
    if (target !== undefined) go(target);
    else if (row.kind === 'system' && row.event === 'new_device') openDialog({ name: 'settings', page: 'sessions' });
  };
  const chat = 'chat_id' in row && row.kind !== 'dm' ? row.chat_id : null;
  return (
    <li className={css.item} data-unread={unread}>
      <button type="button" className={css.open} onClick={open}>
        {row.actor_id === null ? (
          <span className={css.icon} aria-hidden="true">
            {row.kind === 'system' && row.event === 'new_device' ? <KeyRound size={18} /> : <Bell size={18} />}
          </span>
        ) : (
          <Avatar id={row.actor_id} name={actor?.fullname ?? '…'} image={actor?.avatar} size={36} />
        )}
        <span className={css.text}>
          <span>{text}</span>
          <small>
            {chat !== null && <ChatName id={chat} />}
            <time dateTime={row.at} title={fullTime(row.at)}>
              {timeOf(row.at)}
            </time>
          </small>
        </span>
        {unread && <span className={css.dot} role="img" aria-label={t('activity.unread')} />}
      </button>
      <IconButton label={t('activity.remove', { text })} onClick={() => attempt(client.notifications.remove(row.id))}>
        <X size={16} />
      </IconButton>
    </li>
  );
}

function ChatName({ id }: { id: string }) {
  const row = useRow(id);
  return row === undefined ? null : <Face row={row} />;
}

function Face({ row }: { row: NonNullable<ReturnType<typeof useRow>> }) {
  return <span>{useFace(row).name} · </span>;
}
