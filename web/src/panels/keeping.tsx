import type { ChatListItem } from '@tideline/sdk';
import { CalendarClock, Download, MessagesSquare } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { saveBlob } from '../files/use-file.ts';
import { lastingText, TIMERS } from '../i18n/lasting.ts';
import { complain } from '../notify.ts';
import { cx, fieldClass, inputClass, labelClass } from '../ui/ui.tsx';
import css from './panel.module.css';
import type { PanelRequest } from './store.ts';

/** What else there is of a conversation: its threads, what is sent later, and a copy of all of it. */
export function More({ row, open }: { row: ChatListItem; open: (panel: PanelRequest) => void }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [busy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    try {
      saveBlob(await bridge.chat(row.id).export(), `${row.id}.jsonl`);
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <ul className={css.actions}>
      <li>
        <button type="button" onClick={() => open({ name: 'threads' })}>
          <MessagesSquare size={16} />
          {t('threads.title')}
        </button>
      </li>
      <li>
        <button type="button" onClick={() => open({ name: 'scheduled' })}>
          <CalendarClock size={16} />
          {t('schedule.list')}
        </button>
      </li>
      <li>
        <button type="button" disabled={busy} onClick={() => void take()}>
          <Download size={16} />
          {busy ? t('details.exporting') : t('details.export')}
        </button>
      </li>
    </ul>
  );
}

/** How long messages last that are sent from now on. Who may not set it sees it. */
export function Timer({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const seconds = row.retention?.message_timer ?? null;
  // In a Single both may; elsewhere whoever runs it.
  const may = row.type === 'Single' || row.role === 'owner' || row.role === 'admin';
  const choices = seconds === null || TIMERS.includes(seconds) ? TIMERS : [seconds, ...TIMERS];
  const change = (value: string) =>
    bridge
      .chat(row.id)
      .changes.retain({ message_timer: value === '' ? null : Number(value) })
      .catch(complain);
  return (
    <label className={cx(fieldClass, css.notify)}>
      <span className={labelClass}>{t('timer.title')}</span>
      <select
        className={inputClass}
        value={seconds ?? ''}
        disabled={!may}
        onChange={({ target }) => void change(target.value)}
      >
        <option value="">{t('timer.off')}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {lastingText(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}
