import { Tabs } from '@base-ui/react/tabs';
import { Bell, Keyboard, MonitorSmartphone, Palette, UserRound } from 'lucide-react';
import type { ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import { closeDialog, type SettingsPage } from '../dialogs/store.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Appearance } from './appearance.tsx';
import { Notifications } from './notifications.tsx';
import { Profile } from './profile.tsx';
import { Sessions } from './sessions.tsx';
import css from './settings.module.css';
import { Shortcuts } from './shortcuts.tsx';

/** The pages. One more: an entry here, and in `SettingsPage`. */
const PAGES: Record<SettingsPage, { icon: typeof Bell; page: ComponentType }> = {
  profile: { icon: UserRound, page: Profile },
  appearance: { icon: Palette, page: Appearance },
  notifications: { icon: Bell, page: Notifications },
  sessions: { icon: MonitorSmartphone, page: Sessions },
  shortcuts: { icon: Keyboard, page: Shortcuts },
};

export default function Settings({ page }: { page: SettingsPage }) {
  const { t } = useTranslation();
  const pages = Object.entries(PAGES) as [SettingsPage, (typeof PAGES)[SettingsPage]][];
  return (
    <Dialog title={t('settings.title')} closeLabel={t('settings.close')} onClose={closeDialog} size="large">
      <Tabs.Root defaultValue={page} orientation="vertical" className={css.settings}>
        <Tabs.List className={css.pages} aria-label={t('settings.title')}>
          {pages.map(([name, { icon: Icon }]) => (
            <Tabs.Tab key={name} value={name} className={css.name}>
              <Icon size={17} />
              {t(`settings.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {pages.map(([name, { page: Page }]) => (
          <Tabs.Panel key={name} value={name} className={css.page}>
            <Page />
          </Tabs.Panel>
        ))}
      </Tabs.Root>
    </Dialog>
  );
}
