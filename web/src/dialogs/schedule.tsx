import { LIMITS } from '@tideline/sdk';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { fromLocalInput, toLocalInput, usualTimes } from '../i18n/local-input.ts';
import { fullTime } from '../i18n/times.ts';
import { complaint } from '../notify.ts';
import { Dialog } from '../ui/dialog.tsx';
import { toast } from '../ui/overlays.ts';
import { Button, Field } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { closeDialog } from './store.ts';

interface Props {
  at: Date | undefined;
  take: (at: Date) => Promise<unknown>;
}

/** Asks when a message is to be sent. */
export default function Schedule({ at, take }: Props) {
  const { t } = useTranslation();
  const [times] = useState(() => usualTimes(new Date()));
  const [value, setValue] = useState(() => toLocalInput(at ?? times.tomorrow));
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const chosen = fromLocalInput(value);
    if (chosen === undefined || chosen.getTime() <= Date.now()) return setFailure(t('schedule.past'));
    if (chosen.getTime() > Date.now() + LIMITS.scheduleSeconds * 1000) return setFailure(t('schedule.far'));
    setBusy(true);
    try {
      await take(chosen);
      toast(t('schedule.done', { when: fullTime(chosen.toISOString()) }));
      closeDialog();
    } catch (error) {
      setFailure(complaint(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('schedule.title')} closeLabel={t('common.close')} onClose={closeDialog}>
      <div className={css.form}>
        <form className={css.fields} onSubmit={(event) => void submit(event)}>
          <div className={css.usual}>
            {(['hour', 'tomorrow', 'monday'] as const).map((name) => (
              <Button key={name} onClick={() => setValue(toLocalInput(times[name]))}>
                {t(`schedule.${name}`)}
              </Button>
            ))}
          </div>
          <Field
            label={t('schedule.when')}
            type="datetime-local"
            required
            autoFocus
            value={value}
            error={failure}
            onChange={({ target }) => setValue(target.value)}
          />
          <div className={css.end}>
            <Button type="submit" look="primary" disabled={busy}>
              {t('schedule.send')}
            </Button>
          </div>
        </form>
      </div>
    </Dialog>
  );
}
