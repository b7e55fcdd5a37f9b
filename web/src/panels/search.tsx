import type { SearchPage } from '@tideline/sdk';
import { Search as Glass, SearchX } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { failureText } from '../notify.ts';
import { Button, Empty, inputClass, useFocus } from '../ui/ui.tsx';
import { Hit, highlighted } from './hit.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

/** The server is asked when nothing was typed for this long, ms. */
const PAUSE = 250;
const PAGE = 30;

/** Finds messages of the conversation. */
export function Search({ row, goTo }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const field = useFocus<HTMLInputElement>();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<SearchPage>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    setFailure(undefined);
    if (query.trim() === '') return setFound(undefined);
    let wanted = true;
    const timer = setTimeout(() => {
      bridge
        .chat(row.id)
        .search({ q: query, limit: PAGE })
        .then((page) => wanted && setFound(page))
        .catch((error: unknown) => {
          if (!(error instanceof CallError)) throw error;
          if (wanted) setFailure(failureText(error.failure));
        });
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [bridge, row.id, query]);

  async function more(cursor: string) {
    try {
      const page = await bridge.chat(row.id).search({ q: query, limit: PAGE, cursor });
      setFound((held) => ({ ...page, items: [...(held?.items ?? []), ...page.items] }));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(failureText(error.failure));
    }
  }

  return (
    <div className={css.search}>
      <input
        type="search"
        className={inputClass}
        aria-label={t('panel.search')}
        placeholder={t('panel.searchHint')}
        value={query}
        ref={field}
        onChange={(event) => setQuery(event.target.value)}
      />
      <p className={css.error} role="alert">
        {failure}
      </p>
      {found === undefined ? (
        <Empty icon={<Glass size={28} />} title={t('panel.search')} />
      ) : found.items.length === 0 ? (
        <Empty icon={<SearchX size={28} />} title={t('panel.noHits')} />
      ) : (
        <ul className={css.hits}>
          {found.items.map((hit) => (
            <Hit key={hit.message.seq} message={hit.message} goTo={goTo}>
              {highlighted(hit)}
            </Hit>
          ))}
        </ul>
      )}
      {found?.complete === false && <p className={css.note}>{t('panel.incomplete')}</p>}
      {found?.next_cursor != null && (
        <Button onClick={() => void more(found.next_cursor ?? '')}>{t('panel.more')}</Button>
      )}
    </div>
  );
}
