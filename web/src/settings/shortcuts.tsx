import { useTranslation } from 'react-i18next';
import { SHORTCUTS } from '../shortcuts.ts';
import { Keys } from '../ui/ui.tsx';
import css from './settings.module.css';

export function Shortcuts() {
  const { t } = useTranslation();
  return (
    <dl className={css.keys}>
      {SHORTCUTS.map(([keys, name]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>
            <Keys keys={keys} />
          </dt>
          <dd>{t(`shortcuts.${name}`)}</dd>
        </div>
      ))}
    </dl>
  );
}
