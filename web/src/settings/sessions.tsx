import type { Session } from '@tideline/sdk';
import { Laptop, Smartphone } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { fullTime, shortTime } from '../i18n/times.ts';
import { complaint } from '../notify.ts';
import { Button, Spinner } from '../ui/ui.tsx';
import css from './settings.module.css';

/** Where the user is signed in. */
export function Sessions() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [sessions, setSessions] = useState<readonly Session[]>();
  const [failure, setFailure] = useState<string>();
  const attempt = useCallback(
    async (action?: () => Promise<unknown>) => {
      setFailure(undefined);
      try {
        await action?.();
        setSessions((await bridge.request<{ items: Session[] }>('/api/auth/sessions')).items);
      } catch (error) {
        setFailure(complaint(error));
      }
    },
    [bridge],
  );
  useEffect(() => void attempt(), [attempt]);
  return (
    <>
      <p className={css.error} role="alert">
        {failure}
      </p>
      {sessions === undefined && failure === undefined && <Spinner label={t('common.loading')} />}
      <ul className={css.list}>
        {sessions?.map(({ id, device, last_used_at, current }) => (
          <li key={id}>
            {/Android|iOS/.test(device ?? '') ? <Smartphone size={20} /> : <Laptop size={20} />}
            <div>
              <b>{device ?? t('settings.unnamedDevice')}</b>
              <small title={fullTime(last_used_at)}>
                {current ? t('settings.thisDevice') : t('settings.lastUsed', { when: shortTime(last_used_at) })}
              </small>
            </div>
            {!current && (
              <Button
                onClick={() => void attempt(() => bridge.request(`/api/auth/sessions/${id}`, { method: 'DELETE' }))}
              >
                {t('settings.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
