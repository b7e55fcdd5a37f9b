import { Bell } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { usePart } from '../bridge/store.ts';
import { IconButton } from '../ui/ui.tsx';
import css from './sidebar.module.css';

const MOST = 99;

/** Leads to what concerns the user, and says how much of it is unread. */
export function ActivityButton() {
  const { t } = useTranslation();
  const [path, go] = useLocation();
  const unread = usePart(
    useBridge().notifications,
    ({ rows }) => rows.filter(({ read_at }) => read_at === null).length,
  );
  return (
    <IconButton
      className={css.bell}
      label={unread > 0 ? t('activity.titleUnread', { count: unread }) : t('activity.title')}
      aria-current={path === '/activity' ? 'page' : undefined}
      onClick={() => go('/activity')}
    >
      <Bell size={18} />
      {unread > 0 && (
        <span className={css.asking} aria-hidden="true" data-count={unread > MOST ? `${MOST}+` : unread} />
      )}
    </IconButton>
  );
}
