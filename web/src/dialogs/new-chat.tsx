import { Tabs } from '@base-ui/react/tabs';
import type { Profile, Workspace } from '@tideline/sdk';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { complaint } from '../notify.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Button, Field, fieldClass, inputClass, labelClass } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { PeopleField } from './people-field.tsx';
import { closeDialog, WORKSPACE_CHANGED } from './store.ts';

const KINDS = ['person', 'group', 'channel', 'workspace'] as const;
type Kind = (typeof KINDS)[number];

interface Props {
  workspace_id?: string;
  kind?: Kind;
}

/** Makes a conversation, or a workspace. */
export default function NewChat({ workspace_id, kind: first = 'person' }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const [kind, setKind] = useState<Kind>(first);
  const [people, setPeople] = useState<readonly Profile[]>([]);
  const [workspaces, setWorkspaces] = useState<readonly Workspace[]>([]);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  useEffect(() => {
    bridge
      .request<{ items: Workspace[] }>('/api/workspaces', { query: { limit: 200 } })
      .then((page) => setWorkspaces(page.items))
      // The choice is left out; a conversation of no workspace can be made.
      .catch(() => undefined);
  }, [bridge]);

  async function create(form: FormData) {
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const members = people.map(({ id }) => id);
    if (kind === 'workspace') {
      const { id } = await bridge.request<Workspace>('/api/workspaces', {
        body: { name: text('name'), description: text('description') || null },
      });
      if (members.length > 0) {
        await bridge.request(`/api/workspaces/${id}/members`, { body: { user_ids: members } });
      }
      window.dispatchEvent(new Event(WORKSPACE_CHANGED));
      return `/w/${id}`;
    }
    const workspace = text('workspace_id') || null;
    const type = {
      person: 'Single',
      group: 'Group',
      channel: form.has('public') ? 'PublicChannel' : 'PrivateChannel',
    } as const;
    const { id } = await bridge.client.chats.create({
      type: type[kind],
      members,
      ...(kind === 'person' ? {} : { name: text('name') }),
      ...(workspace === null || kind === 'person' ? {} : { workspace_id: workspace }),
    });
    return `/c/${id}`;
  }

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(undefined);
    try {
      const path = await create(form);
      closeDialog();
      go(path);
    } catch (error) {
      setFailure(complaint(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('new.title')} closeLabel={t('common.close')} onClose={closeDialog}>
      <Tabs.Root value={kind} onValueChange={(value: Kind) => setKind(value)} className={css.tabs}>
        <Tabs.List className={css.tabList} aria-label={t('new.kind')}>
          {KINDS.map((name) => (
            <Tabs.Tab key={name} value={name} className={css.tab}>
              {t(`new.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={kind} className={css.form} key={kind} tabIndex={-1}>
          <form onSubmit={(event) => void submit(event)} className={css.fields}>
            {kind !== 'person' && <Field label={t('new.name')} name="name" required maxLength={128} autoFocus />}
            {kind === 'workspace' && <Field label={t('new.description')} name="description" maxLength={1024} />}
            <PeopleField people={people} onChange={setPeople} one={kind === 'person'} />
            {(kind === 'group' || kind === 'channel') && workspaces.length > 0 && (
              <label className={fieldClass}>
                <span className={labelClass}>{t('new.inWorkspace')}</span>
                <select name="workspace_id" className={inputClass} defaultValue={workspace_id ?? ''}>
                  <option value="">{t('new.noWorkspace')}</option>
                  {workspaces.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            )}
            {kind === 'channel' && (
              <label className={css.check}>
                <input type="checkbox" name="public" />
                {t('new.public')}
              </label>
            )}
            <p className={css.error} role="alert">
              {failure}
            </p>
            <div className={css.end}>
              <Button type="submit" look="primary" disabled={busy || (kind === 'person' && people.length === 0)}>
                {kind === 'person' ? t('new.start') : t('new.create')}
              </Button>
            </div>
          </form>
        </Tabs.Panel>
      </Tabs.Root>
    </Dialog>
  );
}
