import type { SearchHit } from '@tideline/sdk';
import { Search as Glass, SearchX } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaint } from '../notify.ts';
import { Button, Empty, inputClass, useFocus } from '../ui/ui.tsx';
import css from './panel.module.css';

const PAGE = 30;

interface Found {
  readonly items: readonly SearchHit[];
  readonly next_cursor: string | null;
  readonly complete: boolean;
  /** Conversations that did not answer in time. */
  readonly unreached?: readonly unknown[];
}

/** Asks the server for a page. */
export type Ask = (page: { q: string; limit: number; cursor?: string }) => Promise<Found>;

interface Props {
  label: string;
  /** What stands there while nothing was asked. */
  invitation: string;
  /** The server is asked when nothing was typed for this long, ms. */
  pause: number;
  /** The same function until something else is to be searched. */
  ask: Ask;
  children: (hit: SearchHit) => ReactNode;
}

/** A field for words, and the messages that have them. */
export function SearchBox({ label, invitation, pause, ask, children }: Props) {
  const { t } = useTranslation();
  const field = useFocus<HTMLInputElement>();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    setFailure(undefined);
    if (query.trim() === '') return setFound(undefined);
    let wanted = true;
    const timer = setTimeout(() => {
      ask({ q: query, limit: PAGE })
        .then((page) => wanted && setFound(page))
        .catch((error: unknown) => {
          const text = complaint(error);
          if (wanted) setFailure(text);
        });
    }, pause);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [ask, pause, query]);

  async function more(cursor: string) {
    try {
      const page = await ask({ q: query, limit: PAGE, cursor });
      // Not if something else was asked for meanwhile.
      setFound((held) => (held?.next_cursor === cursor ? { ...page, items: [...held.items, ...page.items] } : held));
    } catch (error) {
      setFailure(complaint(error));
    }
  }

  return (
    <div className={css.search}>
      <input
        type="search"
        className={inputClass}
        aria-label={label}
        placeholder={t('panel.searchHint')}
        value={query}
        ref={field}
        onChange={(event) => setQuery(event.target.value)}
      />
      <p className={css.error} role="alert">
        {failure}
      </p>
      {found === undefined ? (
        <Empty icon={<Glass size={28} />} title={invitation} />
      ) : found.items.length === 0 ? (
        <Empty icon={<SearchX size={28} />} title={t('panel.noHits')} />
      ) : (
        <ul className={css.hits}>{found.items.map(children)}</ul>
      )}
      {found !== undefined && (!found.complete || (found.unreached?.length ?? 0) > 0) && (
        <p className={css.note}>{t('panel.incomplete')}</p>
      )}
      {found?.next_cursor != null && (
        <Button onClick={() => void more(found.next_cursor ?? '')}>{t('panel.more')}</Button>
      )}
    </div>
  );
}
