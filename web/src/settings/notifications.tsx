import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../bridge/store.ts';
import { Toggle } from './controls.tsx';
import css from './settings.module.css';
import { set, settings } from './store.ts';

const permission = (): NotificationPermission => ('Notification' in globalThis ? Notification.permission : 'denied');

export function Notifications() {
  const { t } = useTranslation();
  const { notify } = useStore(settings);
  const [allowed, setAllowed] = useState(permission);
  async function change(wanted: boolean) {
    // The browser asks only when the user has done something, and once.
    const answer = wanted && allowed === 'default' ? await Notification.requestPermission() : allowed;
    setAllowed(answer);
    set({ notify: wanted && answer === 'granted' });
  }
  return (
    <>
      <Toggle
        label={t('settings.desktop')}
        hint={t('settings.desktopText')}
        checked={notify && allowed === 'granted'}
        disabled={allowed === 'denied'}
        onChange={(wanted) => void change(wanted)}
      />
      {allowed === 'denied' && <p className={css.note}>{t('settings.blocked')}</p>}
    </>
  );
}
