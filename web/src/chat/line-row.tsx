import type { ChatListItem } from '@tideline/sdk';
import {
  Bookmark,
  Check,
  CheckCheck,
  CircleAlert,
  Clock3,
  Forward,
  Hourglass,
  MessagesSquare,
  MoreHorizontal,
  Pin,
  Reply,
} from 'lucide-react';
import { type KeyboardEvent, type MouseEvent, memo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useNames, useProfile, useSelf } from '../bridge/hooks.ts';
import { usePart, useStore } from '../bridge/store.ts';
import type { MessageLine, TimelineState } from '../core/protocol.ts';
import { fullTime, timeOf } from '../i18n/times.ts';
import { type LineEvents, messageActions, quickReactions } from '../messages/actions.tsx';
import { eventText } from '../messages/events.ts';
import { MessageBody } from '../messages/kinds.tsx';
import { selectedIn } from '../messages/span.ts';
import { Avatar } from '../ui/avatar.tsx';
import { openMenu } from '../ui/overlays.ts';
import { cx } from '../ui/ui.tsx';
import css from './chat.module.css';
import { Quote } from './quote.tsx';
import { Reactions } from './reactions.tsx';
import type { Row } from './rows.ts';

interface Props {
  row: Row;
  chat: ChatListItem;
  others: TimelineState['others'];
  focusable: boolean;
  marked: boolean;
  position: number;
  size: number;
  onFocus: (key: string) => void;
  on: LineEvents;
  goTo: (seq: number) => void;
}

/** One line of a conversation, with the day or the mark that begins with it. */
export const LineRow = memo(function LineRow(props: Props) {
  const { row } = props;
  return (
    <div className={cx(css.row, row.first && css.first)}>
      {row.day !== undefined && (
        <div className={css.day}>
          <span>{row.day}</span>
        </div>
      )}
      {row.unread && <UnreadMark />}
      {row.line.type === 'message' ? <Message {...props} line={row.line} /> : <Happened {...props} />}
    </div>
  );
}, same);

function UnreadMark() {
  const { t } = useTranslation();
  return (
    <div className={css.unread}>
      <span>{t('chat.unreadHere')}</span>
    </div>
  );
}

/** A line further down does not change with the watermarks, nor with how many there are before it. */
function same(a: Props, b: Props): boolean {
  return (
    a.row === b.row &&
    a.chat.id === b.chat.id &&
    a.chat.type === b.chat.type &&
    a.chat.role === b.chat.role &&
    a.chat.forwards === b.chat.forwards &&
    stateOf(a) === stateOf(b) &&
    a.focusable === b.focusable &&
    a.marked === b.marked &&
    a.position === b.position &&
    a.size === b.size &&
    a.on === b.on &&
    a.goTo === b.goTo
  );
}

type Delivery = 'sending' | 'failed' | 'sent' | 'delivered' | 'read';

function stateOf({ row: { line }, others }: Pick<Props, 'row' | 'others'>): Delivery | undefined {
  if (line.type !== 'message') return undefined;
  const { seq } = line.message;
  if (line.status !== 'sent' || seq === null) return line.status;
  if (seq <= others.read_seq) return 'read';
  return seq <= others.delivered_seq ? 'delivered' : 'sent';
}

function Happened({ row, focusable, position, size, onFocus }: Props) {
  const { t } = useTranslation();
  const names = useNames();
  if (row.line.type !== 'event') return null;
  const { event } = row.line;
  return (
    <article
      className={css.happened}
      data-key={row.key}
      tabIndex={focusable ? 0 : -1}
      aria-posinset={position}
      aria-setsize={size}
      onFocus={() => onFocus(row.key)}
    >
      <span title={fullTime(event.created_at)}>{eventText(event, t, names)}</span>
    </article>
  );
}

function Message({ line, ...props }: Props & { line: MessageLine }) {
  const { row, chat, focusable, marked, position, size, onFocus, on, goTo } = props;
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const { message } = line;
  const own = message.sender_id === self.id;
  const sender = useProfile(message.sender_id);
  const name = message.kind === 'system' ? t('app.name') : (sender?.fullname ?? t('chat.deletedUser'));
  const saved = usePart(bridge.saved, (all) => all.has(`${message.chat_id}/${message.seq}`));
  const content = useRef<HTMLDivElement>(null);
  const reply = () => on.reply(line, selectedIn(content.current, message.content));
  const delivery = stateOf(props);
  const grouped = chat.type !== 'Single';
  // Worked out when it is asked for: there are many messages, and few menus.
  const showMenu = (anchor: Element | { x: number; y: number }) => {
    const quoted = selectedIn(content.current, message.content);
    const entries = messageActions({ line, own, chat, anchor, quoted, bridge, t, on });
    if (entries.length === 0) return;
    openMenu({ anchor, label: t('message.actions'), emoji: quickReactions({ line, bridge }), entries });
  };
  const press = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget) return;
    if ((event.key === 'r' || event.key === 'R') && message.seq !== null) reply();
    else if (event.key === 'Enter') showMenu(event.currentTarget);
    else return;
    event.preventDefault();
  };

  return (
    <article
      className={cx(css.message, own && css.own, row.last && css.last, marked && css.marked)}
      data-key={row.key}
      data-seq={message.seq ?? undefined}
      data-state={own ? delivery : undefined}
      tabIndex={focusable ? 0 : -1}
      aria-label={t('message.by', { name: own ? t('message.you') : name, time: fullTime(message.created_at) })}
      aria-posinset={position}
      aria-setsize={size}
      onFocus={() => onFocus(row.key)}
      onKeyDown={press}
      onContextMenu={(event) => {
        if (window.getSelection()?.isCollapsed === false) return;
        event.preventDefault();
        showMenu({ x: event.clientX, y: event.clientY });
      }}
    >
      {grouped && !own && (
        <span className={css.face}>
          {row.last && <Avatar id={message.sender_id} name={name} image={sender?.avatar} size={32} />}
        </span>
      )}
      <div className={css.bubble}>
        {grouped && !own && row.first && <span className={css.sender}>{name}</span>}
        {message.forwarded_from !== undefined && <ForwardedFrom id={message.forwarded_from.sender_id} />}
        {message.reply_to !== undefined && (
          <Quote chatId={chat.id} seq={message.reply_to} quoted={message.quote} goTo={goTo} />
        )}
        <div className={css.content} ref={content}>
          {message.recalled === undefined ? (
            <MessageBody message={message} own={own} />
          ) : (
            <em className={css.recalled}>{t('message.recalled')}</em>
          )}
          <span className={css.meta}>
            {saved && <Bookmark size={12} aria-label={t('saved.mark')} role="img" />}
            {message.expires_at !== undefined && (
              <Hourglass size={12} aria-label={t('timer.until', { when: fullTime(message.expires_at) })} role="img" />
            )}
            {message.pinned !== undefined && <Pin size={12} aria-label={t('message.pinned')} role="img" />}
            {message.edited_at !== undefined && <span title={fullTime(message.edited_at)}>{t('message.edited')}</span>}
            <time dateTime={message.created_at} title={fullTime(message.created_at)}>
              {timeOf(message.created_at)}
            </time>
            {own && delivery !== undefined && <Ticks delivery={delivery} />}
          </span>
        </div>
        {message.reactions !== undefined && <Reactions message={message} />}
        {message.thread_seq !== undefined && on.thread !== undefined && (
          <button type="button" className={css.thread} onClick={() => on.thread?.(message.thread_seq ?? 0)}>
            <MessagesSquare size={14} aria-hidden="true" />
            {t('threads.inThread')}
          </button>
        )}
        {message.thread !== undefined && message.seq !== null && on.thread !== undefined && (
          <button type="button" className={css.thread} onClick={() => on.thread?.(message.seq ?? 0)}>
            <MessagesSquare size={14} aria-hidden="true" />
            {t('message.replies', { count: message.thread.replies })}
          </button>
        )}
      </div>
      {message.recalled === undefined && (
        <div className={css.tools}>
          <button
            type="button"
            aria-label={t('message.reply')}
            title={t('message.reply')}
            onMouseDown={keepSelection}
            onClick={reply}
            tabIndex={focusable ? 0 : -1}
          >
            <Reply size={16} />
          </button>
          <button
            type="button"
            aria-label={t('message.more')}
            title={t('message.more')}
            aria-haspopup="menu"
            tabIndex={focusable ? 0 : -1}
            onMouseDown={keepSelection}
            onClick={(event) => showMenu(event.currentTarget)}
          >
            <MoreHorizontal size={16} />
          </button>
        </div>
      )}
      {line.status === 'failed' && <Failed line={line} />}
    </article>
  );
}

/** A press of a button would take the selection away before it could be asked for. */
const keepSelection = (event: MouseEvent): void => event.preventDefault();

function ForwardedFrom({ id }: { id: string }) {
  const { t } = useTranslation();
  const origin = useProfile(id);
  return (
    <span className={css.forwarded}>
      <Forward size={13} aria-hidden="true" />
      {t('forward.from', { name: origin?.fullname ?? t('chat.deletedUser') })}
    </span>
  );
}

function Ticks({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation();
  const offline = useStore(useBridge().connection) !== 'online';
  const label = delivery === 'sending' && offline ? t('message.waiting') : t(`message.${delivery}`);
  const Icon = { sending: Clock3, failed: CircleAlert, sent: Check, delivered: CheckCheck, read: CheckCheck }[delivery];
  return (
    <span className={cx(css.ticks, css[delivery])} role="img" aria-label={label} title={label}>
      <Icon size={delivery === 'sending' ? 12 : 15} strokeWidth={2.25} />
    </span>
  );
}

/** Why a message was not sent, and what can be done about it. */
function Failed({ line }: { line: MessageLine }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { chat_id, client_id } = line.message;
  const reason = line.failure?.message;
  return (
    <div className={css.failed} role="alert">
      {reason === undefined ? t('message.failed') : t('message.failedBecause', { reason })}
      <button type="button" onClick={() => bridge.outbox(chat_id, client_id, 'retry')}>
        {t('message.retry')}
      </button>
      <button type="button" onClick={() => bridge.outbox(chat_id, client_id, 'discard')}>
        {t('message.discard')}
      </button>
    </div>
  );
}
