import { useTranslation } from 'react-i18next';
import { useStore } from '../bridge/store.ts';
import { LANGUAGES } from '../i18n/i18n.ts';
import { Choices, Toggle } from './controls.tsx';
import { set, settings } from './store.ts';

export function Appearance() {
  const { t } = useTranslation();
  const { theme, language, enterSends } = useStore(settings);
  return (
    <>
      <Choices
        name="theme"
        label={t('settings.theme')}
        value={theme ?? ''}
        choices={[
          ['', t('settings.system')],
          ['light', t('settings.light')],
          ['dark', t('settings.dark')],
        ]}
        onChange={(value) => set({ theme: value === 'light' || value === 'dark' ? value : undefined })}
      />
      <Choices
        name="language"
        label={t('settings.language')}
        value={language ?? ''}
        choices={[['', t('settings.systemLanguage')], ...Object.entries(LANGUAGES)]}
        onChange={(value) => set({ language: value === '' ? undefined : value })}
      />
      <Toggle
        label={t('settings.enter')}
        hint={t('settings.enterHint')}
        checked={enterSends}
        onChange={(checked) => set({ enterSends: checked })}
      />
    </>
  );
}
