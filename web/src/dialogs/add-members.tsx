import type { Profile } from '@tideline/sdk';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { complaint } from '../notify.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Button } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { PeopleField } from './people-field.tsx';
import { closeDialog, WORKSPACE_CHANGED } from './store.ts';

type Target = { readonly chat_id: string } | { readonly workspace_id: string };

/** Adds people to a conversation or a workspace. */
export default function AddMembers({ to }: { to: Target }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [people, setPeople] = useState<readonly Profile[]>([]);
  const [failure, setFailure] = useState<string>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const ids = people.map(({ id }) => id);
    try {
      if ('chat_id' in to) await bridge.chat(to.chat_id).addMembers(ids);
      else await bridge.request(`/api/workspaces/${to.workspace_id}/members`, { body: { user_ids: ids } });
      window.dispatchEvent(new Event(WORKSPACE_CHANGED));
      closeDialog();
    } catch (error) {
      setFailure(complaint(error));
    }
  }

  return (
    <Dialog title={t('details.addMembers')} closeLabel={t('common.close')} onClose={closeDialog}>
      <form className={css.form} onSubmit={(event) => void submit(event)}>
        <div className={css.fields}>
          <PeopleField people={people} onChange={setPeople} />
          <p className={css.error} role="alert">
            {failure}
          </p>
          <div className={css.end}>
            <Button type="submit" look="primary" disabled={people.length === 0}>
              {t('new.add')}
            </Button>
          </div>
        </div>
      </form>
    </Dialog>
  );
}
