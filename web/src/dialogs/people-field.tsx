import type { Profile } from '@tideline/sdk';
import { X } from 'lucide-react';
import { type KeyboardEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { failureText } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Field } from '../ui/ui.tsx';
import css from './dialogs.module.css';

interface Props {
  people: readonly Profile[];
  onChange: (people: readonly Profile[]) => void;
  /** Take one person at most. */
  one?: boolean;
}

/** People, chosen by their exact address or handle: the server lists nobody to strangers. */
export function PeopleField({ people, onChange, one = false }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const [text, setText] = useState('');
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function add() {
    const wanted = text.trim();
    if (wanted === '') return;
    setBusy(true);
    setFailure(undefined);
    try {
      const handle = wanted.replace(/^@/, '');
      const [found] = await bridge.client.findUsers(/.@./.test(wanted) ? { email: wanted } : { handle });
      if (found === undefined) return setFailure(t('new.notFound'));
      if (found.id === self.id) return setFailure(t('new.self'));
      onChange(one ? [found] : [...people.filter(({ id }) => id !== found.id), found]);
      setText('');
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      setFailure(error.code === 'invalid' ? t('new.notFound') : failureText(error.failure));
    } finally {
      setBusy(false);
    }
  }

  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing || text.trim() === '') return;
    event.preventDefault();
    void add();
  };

  return (
    <div className={css.people}>
      <div className={css.add}>
        <Field
          label={t('new.who')}
          hint={t('new.whoHint')}
          error={failure}
          value={text}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={press}
        />
        <Button onClick={() => void add()} disabled={busy || text.trim() === ''}>
          {t('new.add')}
        </Button>
      </div>
      {people.length > 0 && (
        <ul className={css.chips} aria-label={t('new.chosen')}>
          {people.map((person) => (
            <li key={person.id}>
              <Avatar id={person.id} name={person.fullname} size={24} />
              {person.fullname}
              <button
                type="button"
                aria-label={t('new.removeChosen', { name: person.fullname })}
                onClick={() => onChange(people.filter(({ id }) => id !== person.id))}
              >
                <X size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
