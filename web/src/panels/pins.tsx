import type { Message } from '@tideline/sdk';
import { Pin } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { complaint } from '../notify.ts';
import { Empty, Spinner } from '../ui/ui.tsx';
import { Hit } from './hit.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

/** Messages that somebody wants to be found, the latest pin first. */
export function Pins({ row, goTo }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [pins, setPins] = useState<readonly Message[]>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    // With every event of the conversation: a pin is one.
    void row.head_seq;
    let wanted = true;
    bridge
      .request<{ items: Message[] }>(`/api/chats/${row.id}/pins`)
      .then(({ items }) => wanted && setPins(items))
      .catch((error: unknown) => {
        const text = complaint(error);
        if (wanted) setFailure(text);
      });
    return () => {
      wanted = false;
    };
  }, [bridge, row.id, row.head_seq]);
  if (failure !== undefined && pins === undefined) return <p className={css.note}>{failure}</p>;
  if (pins === undefined) return <Spinner label={t('common.loading')} />;
  if (pins.length === 0) {
    return <Empty icon={<Pin size={28} />} title={t('panel.noPins')} />;
  }
  return (
    <ul className={css.hits}>
      {pins.map((message) => (
        <Hit key={message.seq} message={message} goTo={goTo} />
      ))}
    </ul>
  );
}
