import type { FollowedThreads } from '@tideline/sdk';
import { MessagesSquare } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useOnline } from '../bridge/hooks.ts';
import { previewOf } from '../messages/preview.ts';
import { complaint } from '../notify.ts';
import { Badge, Empty, Spinner } from '../ui/ui.tsx';
import { Hit } from './hit.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

/** Threads that the user follows, the one with the latest reply first. */
export function Threads({ row, open }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const online = useOnline();
  const [threads, setThreads] = useState<FollowedThreads['items']>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    // With every event, and with what is read on another device.
    void row.head_seq;
    void row.thread_unread;
    void online;
    let wanted = true;
    bridge
      .chat(row.id)
      .changes.threads()
      .then((items) => wanted && setThreads(items))
      .catch((error: unknown) => {
        const text = complaint(error);
        if (wanted) setFailure(text);
      });
    return () => {
      wanted = false;
    };
  }, [bridge, row.id, row.head_seq, row.thread_unread, online]);
  if (failure !== undefined && threads === undefined) return <p className={css.note}>{failure}</p>;
  if (threads === undefined) return <Spinner label={t('common.loading')} />;
  if (threads.length === 0) {
    return (
      <Empty icon={<MessagesSquare size={28} />} title={t('threads.none')}>
        <p>{t('threads.noneText')}</p>
      </Empty>
    );
  }
  return (
    <ul className={css.hits}>
      {threads.map(({ message, unread }) => (
        <Hit
          key={message.seq}
          message={message}
          title={t('threads.open')}
          goTo={(seq) => open({ name: 'thread', seq })}
          after={unread > 0 && <Badge count={unread} label={t('threads.unread', { count: unread })} />}
        >
          {previewOf(message, t)}
          <small className={css.keptNote}>{t('message.replies', { count: message.thread?.replies ?? 0 })}</small>
        </Hit>
      ))}
    </ul>
  );
}
