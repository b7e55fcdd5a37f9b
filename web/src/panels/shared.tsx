import type { ChatListItem, SearchPage } from '@tideline/sdk';
import { Images } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { complain } from '../notify.ts';
import { Button } from '../ui/ui.tsx';
import { Hit } from './hit.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

const PAGE = 20;

/** Messages of the conversation that brought files, the newest first: looked for when they are asked for. */
export function Shared({ row, goTo }: { row: ChatListItem; goTo: PanelProps['goTo'] }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [found, setFound] = useState<SearchPage>();
  const more = async () => {
    try {
      const cursor = found?.next_cursor;
      const page = await bridge
        .chat(row.id)
        .search({ has: 'file', limit: PAGE, ...(cursor == null ? {} : { cursor }) });
      setFound((held) => ({ ...page, items: [...(held?.items ?? []), ...page.items] }));
    } catch (error) {
      complain(error);
    }
  };
  return (
    <section className={css.members} aria-label={t('files.shared')}>
      {found?.items.length === 0 && <p className={css.note}>{t('files.none')}</p>}
      {found !== undefined && found.items.length > 0 && (
        <ul className={css.hits}>
          {found.items.map(({ message }) => (
            <Hit key={message.seq} message={message} goTo={goTo} />
          ))}
        </ul>
      )}
      {(found === undefined || found.next_cursor !== null) && (
        <Button onClick={() => void more()}>
          <Images size={16} />
          {found === undefined ? t('files.shared') : t('panel.more')}
        </Button>
      )}
    </section>
  );
}
