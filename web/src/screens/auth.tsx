import { LIMITS } from '@tideline/sdk';
import { Eye, EyeOff } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { useStore } from '../bridge/store.ts';
import { LANGUAGES } from '../i18n/i18n.ts';
import { failureText } from '../notify.ts';
import { set } from '../settings/store.ts';
import { Button, Field, IconButton } from '../ui/ui.tsx';
import css from './auth.module.css';

/** Sign-in and sign-up: one form. */
export function Auth() {
  const { t, i18n } = useTranslation();
  const [path, go] = useLocation();
  const bridge = useBridge();
  const { ended } = useStore(bridge.session);
  const joining = path === '/signup';
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(false);
  const [failure, setFailure] = useState<{ text: string; fields: Record<string, string> }>();
  const errorId = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? '');
    const [email, password] = [value('email').trim(), value('password')];
    setBusy(true);
    setFailure(undefined);
    try {
      if (joining) await bridge.client.signUp({ fullname: value('fullname').trim(), email, password });
      else await bridge.client.signIn({ email, password });
      if (path === '/signin' || path === '/signup') go('/', { replace: true });
    } catch (error) {
      const errors = error instanceof CallError ? error.failure.errors : [];
      const fields = Object.fromEntries(errors.map(({ path: field, message }) => [field, message]));
      const text = error instanceof CallError ? failureText(error.failure) : String(error);
      setFailure({ text: errors.length > 0 ? '' : text, fields });
    } finally {
      setBusy(false);
    }
  }

  const notice = ended === 'session_ended' || ended === 'unauthenticated' ? undefined : ended;
  return (
    <main className={css.page}>
      <form className={css.card} onSubmit={(event) => void submit(event)} key={String(joining)} aria-labelledby="auth">
        <img className={css.logo} src="/icon.svg" alt="" width="52" height="52" />
        <div className={css.head}>
          <h1 id="auth">{joining ? t('auth.create') : t('auth.welcome')}</h1>
          <p>{joining ? t('auth.createText') : t('auth.welcomeText')}</p>
        </div>
        {notice !== undefined && <p className={css.notice}>{t('auth.ended')}</p>}
        {joining && (
          <Field
            label={t('auth.fullname')}
            name="fullname"
            autoComplete="name"
            required
            autoFocus
            maxLength={LIMITS.fullnameLength}
            error={failure?.fields.fullname}
          />
        )}
        <Field
          label={t('auth.email')}
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus={!joining}
          error={failure?.fields.email}
        />
        <Field
          className={css.password}
          label={t('auth.password')}
          name="password"
          type={shown ? 'text' : 'password'}
          autoComplete={joining ? 'new-password' : 'current-password'}
          required
          minLength={joining ? LIMITS.passwordMin : undefined}
          hint={joining ? t('auth.passwordHint', { count: LIMITS.passwordMin }) : undefined}
          error={failure?.fields.password}
          after={
            <IconButton
              className={css.eye}
              label={shown ? t('auth.hidePassword') : t('auth.showPassword')}
              onClick={() => setShown(!shown)}
            >
              {shown ? <EyeOff size={18} /> : <Eye size={18} />}
            </IconButton>
          }
        />
        <p id={errorId} role="alert" className={css.error}>
          {failure?.text}
        </p>
        <Button type="submit" look="primary" wide disabled={busy}>
          {joining ? t('auth.signUp') : t('auth.signIn')}
        </Button>
        {!joining && (
          <p className={css.other}>
            <Link href="/forgot">{t('recovery.forgot')}</Link>
          </p>
        )}
        <p className={css.other}>
          {joining ? t('auth.haveAccount') : t('auth.noAccount')}{' '}
          <Link href={joining ? '/signin' : '/signup'}>{joining ? t('auth.signIn') : t('auth.signUp')}</Link>
        </p>
      </form>
      <p className={css.languages}>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <button
            key={code}
            type="button"
            lang={code}
            aria-pressed={i18n.language === code}
            onClick={() => set({ language: code })}
          >
            {name}
          </button>
        ))}
      </p>
    </main>
  );
}
