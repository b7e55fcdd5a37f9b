import { type EmailState, LIMITS } from '@tideline/sdk';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { failureText } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Field } from '../ui/ui.tsx';
import css from './settings.module.css';

/** What others see of the user, and the password. */
export function Profile() {
  return (
    <>
      <Names />
      <Address />
      <Password />
    </>
  );
}

/** Runs a form's action, and says how it ended. */
function useOutcome() {
  const [outcome, setOutcome] = useState<{ good?: string; error?: string }>({});
  const attempt = async (action: () => Promise<unknown>, good: string) => {
    setOutcome({});
    try {
      await action();
      setOutcome({ good });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setOutcome({ error: error.failure.errors[0]?.message ?? failureText(error.failure) });
    }
  };
  return { outcome, attempt };
}

function Outcome({ good, error }: { good?: string; error?: string }) {
  return (
    <>
      <p className={css.error} role="alert">
        {error}
      </p>
      <p className={css.good} role="status">
        {good}
      </p>
    </>
  );
}

function Names() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const user = useSelf();
  const { outcome, attempt } = useOutcome();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const handle = String(form.get('handle')).trim().toLowerCase();
    const patch = { fullname: String(form.get('fullname')).trim(), handle: handle === '' ? null : handle };
    void attempt(() => bridge.client.updateUser(patch), t('settings.saved'));
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <div className={css.me}>
        <Avatar id={user.id} name={user.fullname} image={user.avatar} size={80} />
        <div>
          <h3>{user.fullname}</h3>
          <p className={css.note}>{user.email}</p>
        </div>
      </div>
      <Field
        label={t('auth.fullname')}
        name="fullname"
        defaultValue={user.fullname}
        required
        maxLength={LIMITS.fullnameLength}
        autoComplete="name"
      />
      <Field
        label={t('settings.handle')}
        hint={t('settings.handleHint')}
        name="handle"
        defaultValue={user.handle ?? ''}
        autoCapitalize="none"
        spellCheck={false}
        autoComplete="off"
      />
      <Outcome {...outcome} />
      <div>
        <Button type="submit" look="primary">
          {t('details.save')}
        </Button>
      </div>
    </form>
  );
}

/** Whether the address is confirmed, and another mail while it is not. */
function Address() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { outcome, attempt } = useOutcome();
  const [state, setState] = useState<EmailState>();
  useEffect(() => {
    bridge.client.account
      .email()
      .then(setState)
      // Shown when it is known.
      .catch(() => undefined);
  }, [bridge]);
  if (state === undefined) return null;
  if (state.verified_at !== null) return <p className={css.note}>{t('settings.confirmed', { email: state.email })}</p>;
  return (
    <div className={css.form}>
      <p className={css.note}>
        {t('settings.unconfirmed', { email: state.email })} <Link href="/verify">{t('settings.enterCode')}</Link>
      </p>
      <Outcome {...outcome} />
      <div>
        <Button onClick={() => void attempt(() => bridge.client.account.sendVerification(), t('recovery.mailSent'))}>
          {t('settings.sendAgain')}
        </Button>
      </div>
    </div>
  );
}

function Password() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const user = useSelf();
  const { outcome, attempt } = useOutcome();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    const [now, next] = [String(form.get('current')), String(form.get('new'))];
    void attempt(async () => {
      const body = { current_password: now, new_password: next };
      await bridge.request('/api/auth/password', { body });
      element.reset();
    }, t('settings.passwordChanged'));
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <h3>{t('settings.password')}</h3>
      <input type="hidden" name="username" autoComplete="username" value={user.email} readOnly />
      <Field
        label={t('settings.currentPassword')}
        name="current"
        type="password"
        required
        autoComplete="current-password"
      />
      <Field
        label={t('settings.newPassword')}
        hint={t('auth.passwordHint', { count: LIMITS.passwordMin })}
        name="new"
        type="password"
        required
        minLength={LIMITS.passwordMin}
        autoComplete="new-password"
      />
      <Outcome {...outcome} />
      <div>
        <Button type="submit">{t('settings.changePassword')}</Button>
      </div>
    </form>
  );
}
