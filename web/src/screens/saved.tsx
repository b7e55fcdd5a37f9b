import type { Message, SavedMessage } from '@tideline/sdk';
import { Bookmark, BookmarkX } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useFace, useOnline, useRow } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { useStore } from '../bridge/store.ts';
import { dateOf } from '../i18n/times.ts';
import { keep } from '../messages/changes.ts';
import { addressOf } from '../messages/place.ts';
import { previewOf } from '../messages/preview.ts';
import { failureText } from '../notify.ts';
import { Hit } from '../panels/hit.tsx';
import panel from '../panels/panel.module.css';
import { Button, Empty, IconButton } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';

const PAGE = 30;

/** Messages kept for later, the latest first: each leads to its place. */
export default function Saved() {
  const { t } = useTranslation();
  const saved = useStore(useBridge().saved);
  const [count, setCount] = useState(PAGE);
  const all = useMemo(() => [...saved.values()].sort((a, b) => b.saved_at.localeCompare(a.saved_at)), [saved]);
  return (
    <Screen title={t('saved.title')} back="/">
      {all.length === 0 ? (
        <Empty icon={<Bookmark size={28} />} title={t('saved.empty')}>
          <p>{t('saved.emptyText')}</p>
        </Empty>
      ) : (
        <div className={panel.search}>
          <ul className={panel.hits}>
            {all.slice(0, count).map((one) => (
              <Kept key={`${one.chat_id}/${one.seq}`} saved={one} />
            ))}
          </ul>
          {all.length > count && <Button onClick={() => setCount(count + PAGE)}>{t('panel.more')}</Button>}
        </div>
      )}
    </Screen>
  );
}

/** What it says is asked of its conversation: it may have been changed since, or be gone. */
function Kept({ saved: { chat_id, seq, note, saved_at } }: { saved: SavedMessage }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const row = useRow(chat_id);
  const online = useOnline();
  const [message, setMessage] = useState<Message | null>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    void online;
    let wanted = true;
    bridge.client.chats
      .messages(chat_id, { after: seq - 1, limit: 1 })
      .then(({ items }) => wanted && setMessage(items.find((item) => item.seq === seq) ?? null))
      .catch((error: unknown) => {
        if (!(error instanceof CallError)) throw error;
        if (!wanted) return;
        if (error.code === 'not_found') setMessage(null);
        else setFailure(failureText(error.failure));
      });
    return () => {
      wanted = false;
    };
  }, [bridge, chat_id, seq, online]);
  const remove = (
    <IconButton label={t('saved.remove')} onClick={() => void keep(bridge, chat_id, seq, false)}>
      <BookmarkX size={18} />
    </IconButton>
  );
  if (message == null) {
    const text = message === null ? t('saved.gone') : (failure ?? '…');
    return (
      <li className={panel.kept}>
        <p className={panel.note}>
          {text} <time dateTime={saved_at}>{dateOf(saved_at)}</time>
        </p>
        {remove}
      </li>
    );
  }
  return (
    <Hit message={message} goTo={() => go(addressOf(message))} after={remove}>
      {row !== undefined && <ChatName row={row} />}
      {previewOf(message, t)}
      {note !== null && <small className={panel.keptNote}>{note}</small>}
    </Hit>
  );
}

function ChatName({ row }: { row: NonNullable<ReturnType<typeof useRow>> }) {
  const { name } = useFace(row);
  return <em>{name} · </em>;
}
