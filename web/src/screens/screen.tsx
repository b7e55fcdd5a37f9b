import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { IconButton } from '../ui/ui.tsx';
import css from './workspaces.module.css';

interface ScreenProps {
  title: string;
  /** Where its back button leads. */
  back: string;
  action?: ReactNode;
  children: ReactNode;
}

/** A page in the place of a conversation. */
export function Screen({ title, back, action, children }: ScreenProps) {
  const { t } = useTranslation();
  const [, go] = useLocation();
  return (
    <div className={css.screen}>
      <header className={css.head}>
        <IconButton className={css.back} label={t('chat.back')} onClick={() => go(back)}>
          <ArrowLeft size={20} />
        </IconButton>
        <h1>{title}</h1>
        {action}
      </header>
      <div className={css.scroll}>{children}</div>
    </div>
  );
}
