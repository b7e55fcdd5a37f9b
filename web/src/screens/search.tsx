import type { SearchHit } from '@tideline/sdk';
import { Search as Glass, SearchX } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Bridge } from '../bridge/bridge.ts';
import { useBridge, useFace, useRow } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { addressOf } from '../messages/place.ts';
import { failureText } from '../notify.ts';
import { Hit, highlighted } from '../panels/hit.tsx';
import panel from '../panels/panel.module.css';
import { Button, Empty, inputClass, useFocus } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';

/** The server is asked when nothing was typed for this long, ms. */
const PAUSE = 300;
const PAGE = 30;

type Found = Awaited<ReturnType<Bridge['client']['search']>>;

/** Finds messages in every conversation. */
export default function Search() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const field = useFocus<HTMLInputElement>();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<Found>();
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    setFailure(undefined);
    if (query.trim() === '') return setFound(undefined);
    let wanted = true;
    const timer = setTimeout(() => {
      bridge.client
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
  }, [bridge, query]);

  async function more(cursor: string) {
    try {
      const page = await bridge.client.search({ q: query, limit: PAGE, cursor });
      setFound((held) => ({ ...page, items: [...(held?.items ?? []), ...page.items] }));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(failureText(error.failure));
    }
  }

  return (
    <Screen title={t('search.title')} back="/">
      <div className={panel.search}>
        <input
          type="search"
          className={inputClass}
          aria-label={t('search.title')}
          placeholder={t('panel.searchHint')}
          value={query}
          ref={field}
          onChange={(event) => setQuery(event.target.value)}
        />
        <p className={panel.error} role="alert">
          {failure}
        </p>
        {found === undefined ? (
          <Empty icon={<Glass size={28} />} title={t('search.text')} />
        ) : found.items.length === 0 ? (
          <Empty icon={<SearchX size={28} />} title={t('panel.noHits')} />
        ) : (
          <ul className={panel.hits}>
            {found.items.map((hit) => (
              <HitInChat key={`${hit.message.chat_id}/${hit.message.seq}`} hit={hit} />
            ))}
          </ul>
        )}
        {found !== undefined && (!found.complete || found.unreached.length > 0) && (
          <p className={panel.note}>{t('panel.incomplete')}</p>
        )}
        {found?.next_cursor != null && (
          <Button onClick={() => void more(found.next_cursor ?? '')}>{t('panel.more')}</Button>
        )}
      </div>
    </Screen>
  );
}

function HitInChat({ hit }: { hit: SearchHit }) {
  const row = useRow(hit.message.chat_id);
  const [, go] = useLocation();
  const open = () => go(addressOf(hit.message));
  return (
    <Hit message={hit.message} goTo={open}>
      {row !== undefined && <ChatName row={row} />}
      {highlighted(hit)}
    </Hit>
  );
}

function ChatName({ row }: { row: NonNullable<ReturnType<typeof useRow>> }) {
  const { name } = useFace(row);
  return <em>{name} · </em>;
}
