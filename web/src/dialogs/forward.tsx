import type { ChatListItem } from '@tideline/sdk';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { peerOf, useBridge, useNames, useSelf, useSortedRows } from '../bridge/hooks.ts';
import { forward } from '../messages/changes.ts';
import { complaint } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { toast } from '../ui/overlays.ts';
import { Button, cx, inputClass, useFocus } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { closeDialog } from './store.ts';

/** Conversations shown at a time: whoever wants another one types on. */
const SHOWN = 50;

/** Copies a message into other conversations. */
export default function Forward({ chat_id, seq }: { chat_id: string; seq: number }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const targets = useTargets();
  const field = useFocus<HTMLInputElement>();
  const [query, setQuery] = useState('');
  /** Chosen ones, by conversation, each with the name under which its copy is sent, however often it is tried. */
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map());
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const found = targets.filter(({ name }) => name.toLowerCase().includes(query.trim().toLowerCase())).slice(0, SHOWN);

  const toggle = (id: string, wanted: boolean) => {
    const next = new Map(chosen);
    if (wanted) next.set(id, crypto.randomUUID());
    else next.delete(id);
    setChosen(next);
  };

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    const left = new Map(chosen);
    const problems: string[] = [];
    for (const [to, clientId] of chosen) {
      try {
        await forward(bridge, to, chat_id, seq, clientId);
        left.delete(to);
      } catch (error) {
        const name = targets.find(({ row }) => row.id === to)?.name ?? '';
        problems.push(`${name}: ${complaint(error)}`);
      }
    }
    setBusy(false);
    // What has arrived is not sent again.
    setChosen(left);
    if (problems.length > 0) return setFailure(problems.join('\n'));
    toast(t('forward.done', { count: chosen.size }));
    closeDialog();
  }

  return (
    <Dialog title={t('forward.title')} closeLabel={t('common.close')} onClose={closeDialog}>
      <form className={css.pick} onSubmit={(event) => void submit(event)}>
        <div className={css.pickField}>
          <input
            type="search"
            className={inputClass}
            aria-label={t('forward.search')}
            placeholder={t('forward.search')}
            value={query}
            ref={field}
            onChange={({ target }) => setQuery(target.value)}
          />
        </div>
        <ul className={css.pickList} aria-label={t('list.title')}>
          {found.map(({ row, name, peer }) => (
            <li key={row.id}>
              <label className={cx(css.pickRow, chosen.has(row.id) && css.picked)}>
                <Avatar id={peer ?? row.id} name={name} size={32} square={peer === undefined} />
                <span className={css.resultLabel}>{name}</span>
                <input
                  type="checkbox"
                  checked={chosen.has(row.id)}
                  onChange={({ target }) => toggle(row.id, target.checked)}
                />
              </label>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className={css.none}>{t('palette.empty')}</p>}
        <div className={css.pickEnd}>
          <p className={css.error} role="alert">
            {failure}
          </p>
          <Button type="submit" look="primary" disabled={busy || chosen.size === 0}>
            {chosen.size > 1 ? t('forward.sendCount', { count: chosen.size }) : t('forward.send')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface Target {
  readonly row: ChatListItem;
  readonly name: string;
  readonly peer: string | undefined;
}

/** Where one may write: the conversations of the list that nobody has closed. */
function useTargets(): readonly Target[] {
  const { t } = useTranslation();
  const rows = useSortedRows();
  const names = useNames();
  const self = useSelf();
  return useMemo(
    () =>
      rows
        .filter((row) => row.archived_at === undefined)
        .map((row) => {
          const peer = peerOf(row, self.id);
          const name = peer === undefined ? (row.name ?? t(`details.type.${row.type}`)) : names(peer);
          return { row, name, peer };
        }),
    [rows, names, self.id, t],
  );
}
