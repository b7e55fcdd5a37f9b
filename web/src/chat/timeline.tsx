import type { ChatListItem } from '@tideline/sdk';
import { ArrowDown, MessageCircle } from 'lucide-react';
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Virtualizer, type VirtualizerHandle } from 'virtua';
import type { Timeline as TimelineData } from '../bridge/bridge.ts';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import type { LineEvents } from '../messages/actions.tsx';
import { previewOf } from '../messages/preview.ts';
import { Badge, Empty, Spinner } from '../ui/ui.tsx';
import css from './chat.module.css';
import { LineRow } from './line-row.tsx';
import { firstUnread, type Row, type Rows, rowsOf } from './rows.ts';

/** More is loaded when less than this is left above or below; px. */
const AHEAD = 1_200;
/** So near to the end counts as there; px. */
const AT_END = 48;
/** A message that was jumped to stays marked for this long, ms. */
const MARKED = 1_600;

interface Props {
  row: ChatListItem;
  timeline: TimelineData;
  more: (side: 'older' | 'newer' | 'latest') => void;
  jump: (seq: number) => void;
  /** A message to be shown; another object asks anew. */
  target: { readonly seq: number } | undefined;
  on: LineEvents;
}

/** The lines of a conversation: begins at the first unread one, grows both ways, and stays at the end when it is there. */
export function Timeline({ row, timeline, more, jump, target, on }: Props) {
  const { t } = useTranslation();
  const self = useSelf();
  const { lines, state } = timeline;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const unreadAfter = state.unreadAtOpen > 0 ? state.readAtOpen : undefined;
  const rows = useRows(lines, unreadAfter, self.id);
  const shift = useShift(rows);
  const [atEnd, setAtEnd] = useState(false);
  const stick = useRef(false);
  const [active, setActive] = useState<string>();
  const [marked, setMarked] = useState<number>();
  const wanted = useRef<number>(undefined);
  const read = useReadMarks(row.id, rows, list, atEnd && !state.hasNewer, state.readSeq, state.headSeq);

  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  }, []);

  // Where it begins.
  const begun = useRef(false);
  useLayoutEffect(() => {
    if (begun.current || rows.length === 0) return;
    begun.current = true;
    const unread = rows.findIndex((one) => one.unread);
    stick.current = unread === -1;
    if (unread === -1) list.current?.scrollToIndex(rows.length - 1, { align: 'end' });
    else list.current?.scrollToIndex(unread, { align: 'start', offset: -72 });
  }, [rows]);

  // One's own message is followed to the end, wherever one was.
  const lastKey = rows.at(-1)?.key;
  const lastSeen = useRef(lastKey);
  useLayoutEffect(() => {
    if (lastKey === lastSeen.current) return;
    lastSeen.current = lastKey;
    const line = rows.at(-1)?.line;
    if (line?.type === 'message' && line.status === 'sending' && line.message.sender_id === self.id) {
      stick.current = true;
    }
    if (stick.current) list.current?.scrollToIndex(rows.length - 1, { align: 'end' });
  }, [lastKey, rows, self.id]);

  // A line that grows, or a field below that does, does not push the end out of sight.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => stick.current && toEnd());
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, [toEnd]);

  // A message that was asked for, once it is there.
  useLayoutEffect(() => {
    const seq = wanted.current;
    if (seq === undefined) return;
    const index = rows.findIndex(({ line }) => line.type === 'message' && line.message.seq === seq);
    if (index === -1) return;
    wanted.current = undefined;
    stick.current = false;
    list.current?.scrollToIndex(index, { align: 'center' });
    setMarked(seq);
  }, [rows]);
  useEffect(() => {
    if (marked === undefined) return;
    const timer = setTimeout(() => setMarked(undefined), MARKED);
    return () => clearTimeout(timer);
  }, [marked]);

  const goTo = useCallback(
    (seq: number) => {
      wanted.current = seq;
      jump(seq);
      const index = rows.findIndex(({ line }) => line.type === 'message' && line.message.seq === seq);
      if (index === -1) return;
      wanted.current = undefined;
      stick.current = false;
      list.current?.scrollToIndex(index, { align: 'center' });
      setMarked(seq);
    },
    [jump, rows],
  );

  const shownTarget = useRef(target);
  useEffect(() => {
    if (target === undefined || target === shownTarget.current) return;
    shownTarget.current = target;
    goTo(target.seq);
  }, [target, goTo]);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (element === null || !begun.current) return;
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    const end = left < AT_END;
    stick.current = end && !state.hasNewer;
    setAtEnd(end);
    if (element.scrollTop < AHEAD && state.hasOlder) more('older');
    if (left < AHEAD && state.hasNewer) more('newer');
    read();
  }, [state.hasOlder, state.hasNewer, more, read]);

  // A page that does not fill the screen does not scroll: what follows is asked for here.
  useEffect(onScroll, [onScroll]);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -rows.length, End: rows.length }[
      event.key
    ];
    const target = event.target as HTMLElement;
    if (step === undefined || target.closest('article') === null || event.altKey) return;
    event.preventDefault();
    const at = rows.findIndex((one) => one.key === (active ?? lastKey));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    if (next === undefined) return;
    setActive(next.key);
    list.current?.scrollToIndex(rows.indexOf(next), { align: 'nearest' });
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus(),
    );
  };

  const newer = rows.reduce(
    (count, { line }) =>
      line.type === 'message' && line.message.sender_id !== self.id && (line.message.seq ?? 0) > state.readSeq
        ? count + 1
        : count,
    0,
  );
  const focusable = rows.some(({ key }) => key === active) ? active : lastKey;

  return (
    <div className={css.body}>
      <div
        ref={scroller}
        className={css.scroller}
        role="feed"
        aria-label={t('chat.messages')}
        aria-busy={false}
        onScroll={onScroll}
        onKeyDown={move}
      >
        {rows.length === 0 && !state.hasOlder ? (
          <Empty icon={<MessageCircle size={28} />} title={t('chat.empty')}>
            <p>{t('chat.emptyText')}</p>
          </Empty>
        ) : (
          <>
            <div className={css.push} />
            <div className={css.top}>{state.hasOlder && <Spinner label={t('common.loading')} />}</div>
            <Virtualizer ref={list} scrollRef={scroller} data={rows} shift={shift} itemSize={56} bufferSize={600}>
              {(one, index) => (
                <LineRow
                  key={one.key}
                  row={one}
                  chat={row}
                  others={state.others}
                  focusable={one.key === focusable}
                  marked={one.line.type === 'message' && one.line.message.seq === marked}
                  position={index + 1}
                  size={state.hasOlder || state.hasNewer ? -1 : rows.length}
                  onFocus={setActive}
                  on={on}
                  goTo={goTo}
                />
              )}
            </Virtualizer>
          </>
        )}
      </div>
      {(!atEnd || state.hasNewer) && rows.length > 0 && (
        <button
          type="button"
          className={css.latest}
          aria-label={newer > 0 ? t('chat.latestCount', { count: newer }) : t('chat.latest')}
          onClick={() => {
            stick.current = true;
            if (state.hasNewer) more('latest');
            list.current?.scrollToIndex(rows.length - 1, { align: 'end' });
          }}
        >
          <ArrowDown size={20} />
          {newer > 0 && <Badge count={newer} label="" />}
        </button>
      )}
      <Announcer rows={rows} self={self.id} />
    </div>
  );
}

function useRows(lines: TimelineData['lines'], unreadAfter: number | undefined, self: string): readonly Row[] {
  const held = useRef<{ language: string; rows: Rows }>(undefined);
  const unread = useRef<string>(undefined);
  const { language } = useTranslation().i18n;
  return useMemo(() => {
    if (unreadAfter !== undefined) unread.current ??= firstUnread(lines, unreadAfter, self);
    // Days are written in the language in use.
    const before = held.current?.language === language ? held.current.rows : undefined;
    const rows = rowsOf(lines, unread.current, before);
    held.current = { language, rows };
    return rows.rows;
  }, [lines, unreadAfter, self, language]);
}

/** Whether rows came in before those that were there: then what is on screen stays where it is. */
function useShift(rows: readonly Row[]): boolean {
  const first = useRef<string>(undefined);
  const before = first.current;
  const now = rows[0]?.key;
  useLayoutEffect(() => {
    first.current = now;
  }, [now]);
  return before !== undefined && before !== now && rows.some(({ key }) => key === before);
}

/** Marks as read what has been on screen while somebody looked. */
function useReadMarks(
  chatId: string,
  rows: readonly Row[],
  list: React.RefObject<VirtualizerHandle | null>,
  atEnd: boolean,
  readSeq: number,
  headSeq: number,
) {
  const bridge = useBridge();
  const marked = useRef(0);
  const mark = useCallback(() => {
    const handle = list.current;
    if (handle === null || document.visibilityState !== 'visible' || !document.hasFocus()) return;
    const bottom = handle.findItemIndex(handle.scrollOffset + handle.viewportSize - 24);
    const line = rows[Math.min(bottom, rows.length - 1)]?.line;
    const seen = line?.type === 'message' ? line.message.seq : line?.event.seq;
    const seq = atEnd ? headSeq : (seen ?? 0);
    if (seq <= Math.max(readSeq, marked.current)) return;
    marked.current = seq;
    void bridge.chat(chatId).read(seq);
  }, [bridge, chatId, list, rows, atEnd, readSeq, headSeq]);
  useEffect(() => {
    mark();
    window.addEventListener('focus', mark);
    return () => window.removeEventListener('focus', mark);
  }, [mark]);
  return mark;
}

/** Reads out what comes in while the conversation is open: a virtual list itself would read out what scrolls by. */
export function Announcer({ rows, self }: { rows: readonly Row[]; self: string }) {
  const bridge = useBridge();
  const { t } = useTranslation();
  const newest = useRef(rows.at(-1)?.key);
  const [text, setText] = useState('');
  useEffect(() => {
    const last = rows.at(-1);
    if (last === undefined || last.key === newest.current) return;
    newest.current = last.key;
    if (last.line.type !== 'message' || last.line.message.sender_id === self) return;
    const { message } = last.line;
    const name = bridge.people.get().get(message.sender_id)?.fullname ?? t('chat.deletedUser');
    setText(`${name}: ${previewOf(message, t)}`);
  }, [rows, self, bridge, t]);
  return (
    <div className="visually-hidden" role="log" aria-label={t('chat.unreadHere')}>
      {text}
    </div>
  );
}
