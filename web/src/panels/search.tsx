import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { Hit, highlighted } from './hit.tsx';
import type { PanelProps } from './panel.tsx';
import { type Ask, SearchBox } from './search-box.tsx';

/** Finds messages of the conversation. */
export function Search({ row, goTo }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const ask: Ask = useCallback((page) => bridge.chat(row.id).search(page), [bridge, row.id]);
  return (
    <SearchBox label={t('panel.search')} invitation={t('panel.search')} pause={250} ask={ask}>
      {(hit) => (
        <Hit key={hit.message.seq} message={hit.message} goTo={goTo}>
          {highlighted(hit)}
        </Hit>
      )}
    </SearchBox>
  );
}
