import type { SearchHit } from '@tideline/sdk';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useFace, useRow } from '../bridge/hooks.ts';
import { addressOf } from '../messages/place.ts';
import { Hit, highlighted } from '../panels/hit.tsx';
import { type Ask, SearchBox } from '../panels/search-box.tsx';
import { Screen } from './screen.tsx';

/** Finds messages in every conversation. */
export default function Search() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const ask: Ask = useCallback((page) => bridge.client.search(page), [bridge]);
  return (
    <Screen title={t('search.title')} back="/">
      <SearchBox label={t('search.title')} invitation={t('search.text')} pause={300} ask={ask}>
        {(hit) => <HitInChat key={`${hit.message.chat_id}/${hit.message.seq}`} hit={hit} />}
      </SearchBox>
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
