import type { ChatListItem } from '@tideline/sdk';
import { AtSign, BellOff, MessagesSquare, MoreHorizontal, Pin } from 'lucide-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { activityOf, useBridge, useFace, useProfile, useSelf } from '../bridge/hooks.ts';
import { usePart } from '../bridge/store.ts';
import { draftOf, useDrafts } from '../chat/drafts.ts';
import { fullTime, shortTime } from '../i18n/times.ts';
import { previewOf } from '../messages/preview.ts';
import { Avatar } from '../ui/avatar.tsx';
import { openMenu } from '../ui/overlays.ts';
import { Badge, cx } from '../ui/ui.tsx';
import { useChatActions } from './chat-actions.tsx';
import css from './sidebar.module.css';

interface Props {
  row: ChatListItem;
  current: boolean;
}

/** One conversation in the list. */
export const ChatRow = memo(function ChatRow({ row, current }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const face = useFace(row);
  const actions = useChatActions(row);
  const online = usePart(bridge.presence, (all) => face.peer !== undefined && all.get(face.peer)?.state === 'online');
  const at = activityOf(row);
  const showMenu = (anchor: Element | { x: number; y: number }) =>
    openMenu({ anchor, label: t('list.actions', { name: face.name }), entries: actions });
  return (
    <div className={cx(css.row, current && css.current)}>
      <Link
        href={`/c/${row.id}`}
        className={css.link}
        aria-current={current ? 'page' : undefined}
        onContextMenu={(event) => {
          event.preventDefault();
          showMenu({ x: event.clientX, y: event.clientY });
        }}
      >
        <Avatar
          id={face.id}
          name={face.name}
          image={face.image}
          size={46}
          square={face.peer === undefined}
          online={online}
        />
        <span className={css.name}>
          <span className={css.text}>{face.name}</span>
          {row.muted && <BellOff size={13} aria-label={t('list.muted')} role="img" />}
        </span>
        <time className={css.time} dateTime={at} title={fullTime(at)}>
          {shortTime(at)}
        </time>
        <Preview row={row} />
        <span className={css.marks}>
          {row.mentions > 0 && (
            <span className={css.mention} role="img" aria-label={t('list.mentionCount', { count: row.mentions })}>
              <AtSign size={13} />
            </span>
          )}
          {row.unread > 0 && (
            <Badge count={row.unread} quiet={row.muted} label={t('list.unreadCount', { count: row.unread })} />
          )}
          {row.unread === 0 && row.marked_unread && (
            <span className={css.unreadMark} role="img" aria-label={t('list.markedUnread')} />
          )}
          {row.thread_unread > 0 && (
            <MessagesSquare size={14} aria-label={t('threads.unread', { count: row.thread_unread })} role="img" />
          )}
          {row.pinned && row.unread === 0 && <Pin size={14} aria-label={t('list.pinned')} role="img" />}
        </span>
      </Link>
      <button
        type="button"
        className={css.more}
        aria-haspopup="menu"
        aria-label={t('list.actions', { name: face.name })}
        onClick={(event) => showMenu(event.currentTarget)}
      >
        <MoreHorizontal size={16} />
      </button>
    </div>
  );
});

/** What was said last, or is being said or written now. */
function Preview({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const typing = usePart(bridge.typing, (all) => (all.get(row.id)?.size ?? 0) > 0);
  const draft = useDrafts(() => draftOf(row.id));
  const last = row.last_message;
  const sender = useProfile(last?.sender_id);
  if (typing) return <span className={cx(css.preview, css.typing)}>{t('list.typing')}</span>;
  if (draft !== '') return <span className={cx(css.preview, css.draft)}>{t('list.draft', { text: draft })}</span>;
  if (last === null) return <span className={css.preview}>{t('list.noMessages')}</span>;
  const text = previewOf(last, t);
  if (last.sender_id === self.id) return <span className={css.preview}>{t('list.you', { text })}</span>;
  const name = row.type === 'Single' ? undefined : sender?.fullname.split(' ')[0];
  return (
    <span className={css.preview}>
      {name !== undefined && <b>{name}: </b>}
      {text}
    </span>
  );
}
