import type { FollowedThreads } from '@tideline/sdk';
import { Bell, BellOff, MessagesSquare } from 'lucide-react';
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Timeline } from '../bridge/bridge.ts';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import { type Compose, Composer } from '../chat/composer.tsx';
import { LineRow } from '../chat/line-row.tsx';
import { rowsOf } from '../chat/rows.ts';
import { Announcer } from '../chat/timeline.tsx';
import { useTimeline } from '../chat/use-timeline.ts';
import { useFileDrop } from '../files/use-file-drop.ts';
import type { LineEvents } from '../messages/actions.tsx';
import { complain } from '../notify.ts';
import { Button, cx, Empty, Spinner } from '../ui/ui.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

/** So near to the end counts as there; px. */
const AT_END = 60;

/** A message and what was answered to it, apart from the conversation: with all that can be done there. */
export function Thread({ row, panel, goTo }: PanelProps) {
  const { t } = useTranslation();
  const root = panel.name === 'thread' ? panel.seq : 0;
  const { timeline, more } = useTimeline(row.id, undefined, root);
  const [compose, setCompose] = useState<Compose>();
  const [active, setActive] = useState<string>();
  const lines = timeline?.lines ?? [];
  const rows = useMemo(() => rowsOf(lines, undefined).rows, [lines]);
  const on = useMemo<LineEvents>(
    () => ({
      reply: (line, quoted) => setCompose({ type: 'reply', line, quoted }),
      edit: (line) => setCompose({ type: 'edit', line }),
    }),
    [],
  );
  const scroller = useStaysAtEnd(timeline?.state.ready === true ? rows.at(-1)?.key : undefined);
  const replies = repliesOf(timeline, root);
  const self = useSelf();
  /** In the thread where it is there, else in the conversation. */
  const show = (seq: number) => {
    const line = scroller.current?.querySelector<HTMLElement>(`[data-seq="${seq}"]`);
    if (line == null) return goTo(seq);
    line.scrollIntoView({ block: 'center' });
    line.focus();
  };
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const from = event.target instanceof Element ? event.target.closest('article') : null;
    if (step === undefined || from === null || event.altKey) return;
    event.preventDefault();
    const all = [...event.currentTarget.querySelectorAll('article')];
    all[all.indexOf(from) + step]?.focus();
  };
  const { dragged, drop } = useFileDrop(row, root);
  const { following, follow } = useAttendance(row.id, root, replies);

  if (timeline?.state.ready !== true) return <Spinner label={t('common.loading')} />;
  if (lines.length === 0) return <Empty icon={<MessagesSquare size={28} />} title={t('files.unreadable')} />;
  const focusable = rows.some(({ key }) => key === active) ? active : rows.at(-1)?.key;
  return (
    <section className={cx(css.thread, dragged && css.dropping)} aria-label={t('panel.thread')} {...drop}>
      <div className={css.threadHead}>
        <span>{t('message.replies', { count: replies })}</span>
        {following !== undefined && (
          <Button aria-pressed={following} onClick={() => follow(!following)}>
            {following ? <Bell size={16} /> : <BellOff size={16} />}
            {t(following ? 'threads.following' : 'threads.follow')}
          </Button>
        )}
      </div>
      <div
        className={css.threadLines}
        data-narrow
        ref={scroller}
        role="feed"
        aria-label={t('panel.thread')}
        aria-busy={false}
        onKeyDown={move}
      >
        {rows.map((one, i) => (
          <div key={one.key}>
            <LineRow
              row={one}
              chat={row}
              others={timeline.state.others}
              focusable={one.key === focusable}
              marked={false}
              position={i + 1}
              size={timeline.state.hasOlder ? -1 : rows.length}
              onFocus={setActive}
              on={on}
              goTo={show}
            />
            {i === 0 && timeline.state.hasOlder && (
              <button type="button" className={css.older} onClick={() => more('older')}>
                {t('common.loadMore')}
              </button>
            )}
          </div>
        ))}
      </div>
      <Announcer rows={rows} self={self.id} />
      {timeline.state.gone === undefined && (
        <Composer row={row} thread={root} compose={compose} onCompose={setCompose} lines={lines} />
      )}
    </section>
  );
}

/** Number of the newest reply that is in the log. */
function repliesOf(timeline: Timeline | undefined, root: number): number {
  return (timeline?.lines ?? []).reduce((count, line) => {
    if (line.type !== 'message') return count;
    const { seq, thread, thread_ordinal = 0 } = line.message;
    return Math.max(count, seq === root ? (thread?.replies ?? 0) : thread_ordinal);
  }, 0);
}

/** Follows the newest reply while the end is on screen. @param last its key, once it is shown */
function useStaysAtEnd(last: string | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const stick = useRef(true);
  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (element !== null && stick.current) element.scrollTop = element.scrollHeight;
  }, []);
  useLayoutEffect(() => {
    void last;
    toEnd();
  }, [last, toEnd]);
  const there = last !== undefined;
  useEffect(() => {
    const element = scroller.current;
    if (element === null || !there) return;
    const moved = () => {
      stick.current = element.scrollHeight - element.clientHeight - element.scrollTop < AT_END;
    };
    const observer = new ResizeObserver(toEnd);
    observer.observe(element);
    element.addEventListener('scroll', moved, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', moved);
    };
  }, [there, toEnd]);
  return scroller;
}

/** Whether the user follows the thread; what is on screen is marked as read. */
function useAttendance(chatId: string, root: number, replies: number) {
  const bridge = useBridge();
  const [following, setFollowing] = useState<boolean>();
  const chat = useMemo(() => bridge.chat(chatId), [bridge, chatId]);
  useEffect(() => {
    let wanted = true;
    const look = async () => {
      // Whoever replies follows: asked anew with every reply.
      const threads: FollowedThreads['items'] = await chat.changes.threads();
      if (!wanted) return;
      const held = threads.find(({ message }) => message.seq === root);
      setFollowing(held !== undefined);
      if (held !== undefined && held.read < replies && document.visibilityState === 'visible') {
        await chat.changes.attendThread(root, { read: replies });
      }
    };
    // Without a network it is asked again with the next reply.
    const timer = setTimeout(() => void look().catch(() => undefined), 200);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [chat, root, replies]);
  const follow = (wanted: boolean) => {
    setFollowing(wanted);
    chat.changes
      .attendThread(root, wanted ? { following: true, read: replies } : { following: false })
      .catch((error: unknown) => {
        setFollowing(!wanted);
        complain(error);
      });
  };
  return { following, follow };
}
