import type { ChatListItem } from '@tideline/sdk';
import { ArrowLeft, Hourglass, Info, MessagesSquare, Pin, Search, SearchX, Upload } from 'lucide-react';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { useBridge, useFace, useNames, useRow } from '../bridge/hooks.ts';
import { usePart, useStore } from '../bridge/store.ts';
import { useFileDrop } from '../files/use-file-drop.ts';
import { lastingText } from '../i18n/lasting.ts';
import { shortTime } from '../i18n/times.ts';
import type { LineEvents } from '../messages/actions.tsx';
import type { PanelRequest } from '../panels/store.ts';
import { TOGGLE_DETAILS } from '../shortcuts.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Empty, IconButton, Spinner } from '../ui/ui.tsx';
import css from './chat.module.css';
import { type Compose, Composer } from './composer.tsx';
import { Timeline } from './timeline.tsx';
import { useTimeline } from './use-timeline.ts';

const Panel = lazy(() => import('../panels/panel.tsx'));

/** One conversation, open. */
export function ChatScreen({ id }: { id: string }) {
  const { t } = useTranslation();
  const row = useRow(id);
  const bridge = useBridge();
  const state = useStore(bridge.connection);
  const listed = usePart(bridge.rows, (rows) => rows.size > 0);
  if (row !== undefined) return <OpenChat row={row} />;
  // A conversation that was made just now is on its way into the list.
  if (state !== 'online' || !listed) return <Waiting />;
  return (
    <Patient>
      <Empty icon={<SearchX size={28} />} title={t('chat.notFound')}>
        <p>{t('chat.notFoundText')}</p>
        <Link href="/">{t('chat.back')}</Link>
      </Empty>
    </Patient>
  );
}

function Waiting() {
  const { t } = useTranslation();
  return (
    <div className={css.center}>
      <Spinner label={t('common.loading')} />
    </div>
  );
}

/** Shows what is inside after a while only. */
function Patient({ children }: { children: React.ReactNode }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setOver(true), 1_500);
    return () => clearTimeout(timer);
  }, []);
  return over ? children : <Waiting />;
}

function OpenChat({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const { id } = row;
  const [at] = useState(() => new URLSearchParams(location.search).get('at'));
  const { timeline, more, jump } = useTimeline(id, at === null ? undefined : Number(at));
  const [draft, setDraft] = useState<Compose>();
  const [panel, setPanel] = useState<PanelRequest | undefined>(() => {
    const thread = Number(new URLSearchParams(location.search).get('thread'));
    return thread > 0 ? { name: 'thread', seq: thread } : undefined;
  });
  useOpened(row);
  const [target, setTarget] = useState<{ readonly seq: number }>();
  const { name } = useFace(row);
  const state = timeline?.state;
  const { dragged, drop } = useFileDrop(row);

  const toggle = useCallback(
    (wanted: Exclude<PanelRequest['name'], 'thread'>) =>
      setPanel((open) => (open?.name === wanted ? undefined : { name: wanted })),
    [],
  );
  useEffect(() => {
    const details = () => toggle('details');
    window.addEventListener(TOGGLE_DETAILS, details);
    return () => window.removeEventListener(TOGGLE_DETAILS, details);
  }, [toggle]);
  const close = useCallback(() => setPanel(undefined), []);
  const on = useMemo<LineEvents>(
    () => ({
      reply: (line, quoted) => setDraft({ type: 'reply', line, quoted }),
      edit: (line) => setDraft({ type: 'edit', line }),
      thread: (seq) => setPanel({ name: 'thread', seq }),
    }),
    [],
  );
  // On a narrow screen what is beside the messages is over them.
  const goTo = useCallback((seq: number) => {
    setTarget({ seq });
    if (matchMedia('(max-width: 1100px)').matches) setPanel(undefined);
  }, []);

  return (
    <div className={css.split} data-panel={panel !== undefined} data-wide={panel?.name === 'thread'}>
      <section className={css.chat} aria-label={name} {...drop}>
        {dragged && (
          <div className={css.drop} role="status">
            <Upload size={28} aria-hidden="true" />
            {t('files.drop', { name })}
          </div>
        )}
        <Header row={row} panel={panel?.name} onPanel={toggle} />
        {timeline?.state.ready === true ? (
          <Timeline row={row} timeline={timeline} more={more} jump={jump} target={target} on={on} />
        ) : (
          <Skeleton label={t('chat.loading')} />
        )}
        {state?.gone === undefined ? (
          <Composer row={row} compose={draft} onCompose={setDraft} lines={timeline?.lines ?? []} />
        ) : (
          <p className={css.gone} role="status">
            {t(`chat.gone.${state.gone}`)}
          </p>
        )}
      </section>
      {panel !== undefined && (
        <Suspense>
          <Panel row={row} panel={panel} onClose={close} goTo={goTo} open={setPanel} />
        </Suspense>
      )}
    </div>
  );
}

/** Whoever opens what they had marked as unread has come back to it. */
function useOpened({ id, marked_unread }: ChatListItem): void {
  const bridge = useBridge();
  const [marked] = useState(marked_unread);
  useEffect(() => {
    // Not reached now, the mark stays until it is opened again.
    if (marked)
      bridge
        .chat(id)
        .prefer({ marked_unread: false })
        .catch(() => undefined);
  }, [bridge, id, marked]);
}

interface HeaderProps {
  row: ChatListItem;
  panel: PanelRequest['name'] | undefined;
  onPanel: (name: Exclude<PanelRequest['name'], 'thread'>) => void;
}

function Header({ row, panel, onPanel }: HeaderProps) {
  const { t } = useTranslation();
  const [, go] = useLocation();
  const face = useFace(row);
  const timer = row.retention?.message_timer ?? null;
  return (
    <header className={css.header}>
      <IconButton className={css.back} label={t('chat.back')} onClick={() => go('/')}>
        <ArrowLeft size={20} />
      </IconButton>
      <button type="button" className={css.who} onClick={() => onPanel('details')} aria-expanded={panel === 'details'}>
        <Avatar id={face.id} name={face.name} image={face.image} size={36} square={face.peer === undefined} />
        <span className={css.whoText}>
          <h1>
            {face.name}
            {timer !== null && (
              <Hourglass
                className={css.timer}
                size={13}
                role="img"
                aria-label={`${t('timer.title')}: ${lastingText(timer)}`}
              />
            )}
          </h1>
          <Status row={row} peer={face.peer} />
        </span>
      </button>
      {row.thread_unread > 0 && (
        <IconButton
          className={css.threads}
          label={t('threads.unread', { count: row.thread_unread })}
          aria-pressed={panel === 'threads'}
          onClick={() => onPanel('threads')}
        >
          <MessagesSquare size={19} />
        </IconButton>
      )}
      <IconButton label={t('panel.search')} aria-pressed={panel === 'search'} onClick={() => onPanel('search')}>
        <Search size={19} />
      </IconButton>
      <IconButton label={t('panel.pins')} aria-pressed={panel === 'pins'} onClick={() => onPanel('pins')}>
        <Pin size={19} />
      </IconButton>
      <IconButton label={t('chat.details')} aria-pressed={panel === 'details'} onClick={() => onPanel('details')}>
        <Info size={19} />
      </IconButton>
    </header>
  );
}

/** Who is typing, else whether the other person is there, else how many there are. */
function Status({ row, peer }: { row: ChatListItem; peer: string | undefined }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const names = useNames();
  const typing = usePart(bridge.typing, (all) => all.get(row.id));
  const presence = usePart(bridge.presence, (all) => (peer === undefined ? undefined : all.get(peer)));
  const online = useStore(bridge.connection) === 'online';

  useEffect(() => {
    if (peer === undefined || !online) return;
    bridge.client
      .presence(peer)
      .then((now) => bridge.setPresence(now))
      // Shown when it is known: a person may have nothing to say of their presence.
      .catch(() => undefined);
  }, [bridge, peer, online]);

  const typers = [...(typing ?? [])].map(names);
  if (typers.length > 0) {
    const [name = '', other = ''] = typers;
    return (
      <span className={css.typing}>
        {typers.length === 1
          ? t('chat.typingOne', { name })
          : typers.length === 2
            ? t('chat.typingTwo', { name, other })
            : t('chat.typingMany')}
      </span>
    );
  }
  if (peer === undefined) return <span>{t('chat.members', { count: row.member_count })}</span>;
  if (presence?.state === 'online') return <span className={css.online}>{t('chat.online')}</span>;
  if (presence?.last_seen == null) return <span>{t('chat.offline')}</span>;
  return <span>{t('chat.lastSeen', { when: shortTime(presence.last_seen) })}</span>;
}

function Skeleton({ label }: { label: string }) {
  return (
    <div className={css.skeleton} role="status" aria-label={label}>
      {[46, 62, 30, 54, 38, 66, 44].map((width, i) => (
        <span key={width} data-own={i % 3 === 1} style={{ width: `${width}%` }} />
      ))}
    </div>
  );
}
