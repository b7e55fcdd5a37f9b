import type { ScheduledMessage } from '@tideline/sdk';
import { CalendarClock, CalendarCog, Trash2 } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useOnline } from '../bridge/hooks.ts';
import { useStore } from '../bridge/store.ts';
import { dialog, openDialog } from '../dialogs/store.ts';
import { fullTime } from '../i18n/times.ts';
import { previewOf } from '../messages/preview.ts';
import { complain, complaint, failureText } from '../notify.ts';
import { ask } from '../ui/overlays.ts';
import { Empty, IconButton, Spinner } from '../ui/ui.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

/** One's own messages that are sent later: their times can be changed, and they can be given up. */
export function Scheduled({ row }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const online = useOnline();
  const [waiting, setWaiting] = useState<readonly ScheduledMessage[]>();
  const [failure, setFailure] = useState<string>();
  const asking = useStore(dialog) !== undefined;
  const load = useCallback(
    () =>
      bridge
        .chat(row.id)
        .changes.scheduled()
        .then((items) => {
          setWaiting(items);
          setFailure(undefined);
        })
        .catch((error: unknown) => {
          setFailure(complaint(error));
        }),
    [bridge, row.id],
  );
  useEffect(() => {
    // One that is sent is a message of the conversation; one that is scheduled comes from the dialog.
    void row.head_seq;
    void online;
    if (!asking) void load();
  }, [load, row.head_seq, asking, online]);

  const cancel = async ({ message }: ScheduledMessage) => {
    if (!(await ask({ title: t('schedule.cancelAsk'), text: t('schedule.cancelText'), action: t('schedule.cancel') })))
      return;
    try {
      await bridge.chat(row.id).changes.cancelScheduled(message.client_id);
    } catch (error) {
      complain(error);
    }
    await load();
  };
  const change = ({ message: { client_id, ...fields }, send_at }: ScheduledMessage) =>
    openDialog({
      name: 'schedule',
      at: new Date(send_at),
      take: (at) => bridge.chat(row.id).changes.schedule(at, fields, client_id),
    });

  if (failure !== undefined && waiting === undefined) return <p className={css.note}>{failure}</p>;
  if (waiting === undefined) return <Spinner label={t('common.loading')} />;
  if (waiting.length === 0) {
    return (
      <Empty icon={<CalendarClock size={28} />} title={t('schedule.none')}>
        <p>{t('schedule.noneText')}</p>
      </Empty>
    );
  }
  return (
    <ul className={css.scheduled}>
      {waiting.map((one) => (
        <li key={one.message.client_id}>
          <time dateTime={one.send_at}>{fullTime(one.send_at)}</time>
          <p>{textOf(one, t)}</p>
          {one.failure !== undefined && (
            <p className={css.error}>{t('message.failedBecause', { reason: failureText(one.failure) })}</p>
          )}
          <div className={css.scheduledActions}>
            <IconButton label={t('schedule.change')} onClick={() => change(one)}>
              <CalendarCog size={18} />
            </IconButton>
            <IconButton label={t('schedule.cancel')} onClick={() => void cancel(one)}>
              <Trash2 size={18} />
            </IconButton>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Its files are tickets still: what they are, nobody has looked up. */
function textOf({ message }: ScheduledMessage, t: ReturnType<typeof useTranslation>['t']): string {
  const { files, ...said } = message;
  if (files === undefined) return previewOf(said, t);
  return [t('files.files', { count: files.length }), message.content].filter((part) => part !== '').join(': ');
}
