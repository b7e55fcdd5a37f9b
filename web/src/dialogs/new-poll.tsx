import { LIMITS } from '@tideline/sdk';
import { Plus, X } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { complaint } from '../notify.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Button, Field, IconButton } from '../ui/ui.tsx';
import css from './dialogs.module.css';
import { closeDialog } from './store.ts';

let lastKey = 2;

/** Asks a question with answers to choose from. */
export default function NewPoll({ chat_id, thread_seq }: { chat_id: string; thread_seq?: number }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [keys, setKeys] = useState<readonly number[]>([1, 2]);
  const [failure, setFailure] = useState<string>();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const options = form.getAll('option').flatMap((value) => String(value).trim() || []);
    if (options.length < 2) return setFailure(t('poll.tooFew'));
    if (new Set(options).size < options.length) return setFailure(t('poll.same'));
    try {
      await bridge.chat(chat_id).send({
        kind: 'poll',
        content: String(form.get('question')).trim(),
        ...(thread_seq === undefined ? {} : { thread_seq }),
        poll: {
          options,
          ...(form.has('multiple') ? { multiple: true } : {}),
          ...(form.has('anonymous') ? { anonymous: true } : {}),
        },
      });
      closeDialog();
    } catch (error) {
      setFailure(complaint(error));
    }
  }

  return (
    <Dialog title={t('poll.new')} closeLabel={t('common.close')} onClose={closeDialog}>
      <div className={css.form}>
        <form className={css.fields} onSubmit={(event) => void submit(event)}>
          <Field label={t('poll.question')} name="question" required autoFocus maxLength={500} pattern=".*\S.*" />
          {keys.map((key, i) => (
            <Field
              key={key}
              label={t('poll.option', { number: i + 1 })}
              name="option"
              maxLength={LIMITS.pollOptionLength}
              after={
                keys.length > 2 && (
                  <IconButton
                    label={t('poll.removeOption', { number: i + 1 })}
                    onClick={() => setKeys(keys.filter((one) => one !== key))}
                  >
                    <X size={16} />
                  </IconButton>
                )
              }
            />
          ))}
          {keys.length < LIMITS.pollOptions && (
            <Button onClick={() => setKeys([...keys, ++lastKey])}>
              <Plus size={16} />
              {t('poll.addOption')}
            </Button>
          )}
          <label className={css.check}>
            <input type="checkbox" name="multiple" />
            {t('poll.multiple')}
          </label>
          <label className={css.check}>
            <input type="checkbox" name="anonymous" />
            {t('poll.anonymous')}
          </label>
          <p className={css.error} role="alert">
            {failure}
          </p>
          <div className={css.end}>
            <Button type="submit" look="primary">
              {t('poll.ask')}
            </Button>
          </div>
        </form>
      </div>
    </Dialog>
  );
}
