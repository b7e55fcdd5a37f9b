import { LIMITS } from '@tideline/sdk';
import { type FormEvent, type ReactNode, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { useStore } from '../bridge/store.ts';
import { failureText } from '../notify.ts';
import { Button, Field, Spinner } from '../ui/ui.tsx';
import css from './auth.module.css';

/** What mails of the account lead to, and what asks for one. Codes stand behind the `#`: they are in no server's log. */
export default function Recovery({ page }: { page: string }) {
  if (page === '/verify') return <Verify />;
  return page === '/reset' ? <Reset /> : <Forgot />;
}

/** Makes a request, and says how it went. */
function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [done, setDone] = useState(false);
  const attempt = useCallback(async (action: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await action();
      setDone(true);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(error.failure.errors[0]?.message ?? failureText(error.failure));
    } finally {
      setBusy(false);
    }
  }, []);
  return { attempt, busy, failure, done };
}

interface CardProps {
  title: string;
  text: string;
  failure?: string | undefined;
  onSubmit?: ((form: FormData) => void) | undefined;
  children?: ReactNode;
}

function Card({ title, text, failure, onSubmit, children }: CardProps) {
  const { t } = useTranslation();
  const signedIn = useStore(useBridge().session).user != null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit?.(new FormData(event.currentTarget));
  };
  return (
    <main className={css.page}>
      <form className={css.card} onSubmit={submit} aria-labelledby="recovery">
        <img className={css.logo} src="/icon.svg" alt="" width="52" height="52" />
        <div className={css.head}>
          <h1 id="recovery">{title}</h1>
          <p role="status">{text}</p>
        </div>
        {children}
        <p role="alert" className={css.error}>
          {failure}
        </p>
        <p className={css.other}>
          <Link href={signedIn ? '/' : '/signin'}>{signedIn ? t('chat.back') : t('auth.signIn')}</Link>
        </p>
      </form>
    </main>
  );
}

function Forgot() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { attempt, busy, failure, done } = useAttempt();
  if (done) return <Card title={t('recovery.title')} text={t('recovery.sent')} />;
  return (
    <Card
      title={t('recovery.title')}
      text={t('recovery.text')}
      failure={failure}
      onSubmit={(form) => void attempt(() => bridge.client.account.forgotPassword(String(form.get('email')).trim()))}
    >
      <Field label={t('auth.email')} name="email" type="email" autoComplete="username" required autoFocus />
      <Button type="submit" look="primary" wide disabled={busy}>
        {t('recovery.send')}
      </Button>
    </Card>
  );
}

function Reset() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { attempt, busy, failure, done } = useAttempt();
  const [code] = useState(() => location.hash.slice(1));
  if (done) return <Card title={t('recovery.new')} text={t('recovery.changed')} />;
  return (
    <Card
      title={t('recovery.new')}
      text={t('recovery.newText')}
      failure={failure}
      onSubmit={(form) =>
        void attempt(() =>
          bridge.client.account.resetPassword(String(form.get('code')).trim(), String(form.get('password'))),
        )
      }
    >
      <Field label={t('recovery.code')} name="code" defaultValue={code} required autoComplete="one-time-code" />
      <Field
        label={t('settings.newPassword')}
        name="password"
        type="password"
        autoComplete="new-password"
        required
        minLength={LIMITS.passwordMin}
        hint={t('auth.passwordHint', { count: LIMITS.passwordMin })}
      />
      <Button type="submit" look="primary" wide disabled={busy}>
        {t('recovery.set')}
      </Button>
    </Card>
  );
}

/** A link with a code needs no press; without one the code of the mail is typed. */
function Verify() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { attempt, busy, failure, done } = useAttempt();
  const [code] = useState(() => location.hash.slice(1));
  useEffect(() => {
    if (code !== '') void attempt(() => bridge.client.account.verifyEmail(code));
  }, [bridge, code, attempt]);
  if (done) return <Card title={t('recovery.verify')} text={t('recovery.verified')} />;
  return (
    <Card
      title={t('recovery.verify')}
      text={t('recovery.verifyText')}
      failure={failure}
      onSubmit={(form) => void attempt(() => bridge.client.account.verifyEmail(String(form.get('code')).trim()))}
    >
      {busy ? (
        <Spinner label={t('common.loading')} />
      ) : (
        <>
          <Field label={t('recovery.code')} name="code" defaultValue={code} required autoComplete="one-time-code" />
          <Button type="submit" look="primary" wide>
            {t('recovery.confirm')}
          </Button>
        </>
      )}
    </Card>
  );
}
