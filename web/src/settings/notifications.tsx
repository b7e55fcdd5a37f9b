import type { NotificationSettings } from '@tideline/sdk';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { useStore } from '../bridge/store.ts';
import { complain } from '../notify.ts';
import { subscribe, unsubscribe } from '../push.ts';
import { toast } from '../ui/overlays.ts';
import { Button, Field } from '../ui/ui.tsx';
import { Toggle } from './controls.tsx';
import css from './settings.module.css';
import { set, settings } from './store.ts';

const permission = (): NotificationPermission => ('Notification' in globalThis ? Notification.permission : 'denied');

export function Notifications() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { notify } = useStore(settings);
  const [allowed, setAllowed] = useState(permission);
  const [pushes, setPushes] = useState<'on' | 'unsupported' | 'failed'>('on');
  async function change(wanted: boolean) {
    // The browser asks only when the user has done something, and once.
    const answer = wanted && allowed === 'default' ? await Notification.requestPermission() : allowed;
    setAllowed(answer);
    const on = wanted && answer === 'granted';
    set({ notify: on });
    try {
      if (on) setPushes(await subscribe(bridge));
      else await unsubscribe();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setPushes('failed');
    }
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
      {notify && pushes !== 'on' && (
        <p className={css.note} role="status">
          {t(`settings.push.${pushes}`)}
        </p>
      )}
      <Everywhere />
    </>
  );
}

const timeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What holds on all devices: hours in which nothing is pushed, and mails to somebody who is away for long. */
function Everywhere() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [known, setKnown] = useState<NotificationSettings>();
  useEffect(() => {
    bridge.client.push
      .settings()
      .then(setKnown)
      // Shown when they are known.
      .catch(() => undefined);
  }, [bridge]);
  if (known === undefined) return null;
  const { quiet_hours: hours, email_digest = true } = known;
  const keep = async (change: Partial<NotificationSettings>) => {
    try {
      setKnown(await bridge.client.push.configure({ ...known, ...change }));
      toast(t('settings.saved'));
    } catch (error) {
      complain(error);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [from, to] = [String(form.get('from')), String(form.get('to'))];
    void keep({ quiet_hours: { from, to, time_zone: timeZone() } });
  };
  return (
    <>
      <Toggle
        label={t('settings.quiet')}
        hint={t('settings.quietText')}
        checked={hours !== null}
        onChange={(wanted) =>
          void keep({ quiet_hours: wanted ? { from: '22:00', to: '07:00', time_zone: timeZone() } : null })
        }
      />
      {hours !== null && (
        <form className={css.times} key={`${hours.from}-${hours.to}`} onSubmit={submit}>
          <Field label={t('settings.quietFrom')} name="from" type="time" required defaultValue={hours.from} />
          <Field label={t('settings.quietTo')} name="to" type="time" required defaultValue={hours.to} />
          <Button type="submit">{t('details.save')}</Button>
        </form>
      )}
      <Toggle
        label={t('settings.digest')}
        hint={t('settings.digestText')}
        checked={email_digest}
        onChange={(wanted) => void keep({ email_digest: wanted })}
      />
    </>
  );
}
