import type { ContactCard, Profile } from '@tideline/sdk';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { complaint } from '../notify.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Button } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { PeopleField } from './people-field.tsx';
import { closeDialog } from './store.ts';

/** Sends the card of somebody who has an account. */
export default function SendContact({ take }: { take: (contact: ContactCard) => Promise<unknown> }) {
  const { t } = useTranslation();
  const [people, setPeople] = useState<readonly Profile[]>([]);
  const [failure, setFailure] = useState<string>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const [person] = people;
    if (person === undefined) return;
    try {
      await take({ name: person.fullname, user_id: person.id });
      closeDialog();
    } catch (error) {
      setFailure(complaint(error));
    }
  }

  return (
    <Dialog title={t('extras.contact')} closeLabel={t('common.close')} onClose={closeDialog}>
      <form className={css.form} onSubmit={(event) => void submit(event)}>
        <div className={css.fields}>
          <PeopleField people={people} onChange={setPeople} one />
          <p className={css.error} role="alert">
            {failure}
          </p>
          <div className={css.end}>
            <Button type="submit" look="primary" disabled={people.length === 0}>
              {t('extras.send')}
            </Button>
          </div>
        </div>
      </form>
    </Dialog>
  );
}
