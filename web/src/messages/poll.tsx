import { useEffect, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { fullTime } from '../i18n/times.ts';
import { complain } from '../notify.ts';
import type { KindProps } from './kinds.tsx';
import css from './messages.module.css';

/** A question, what can be answered, and how it stands. A choice counts at once. */
export function PollMessage({ message, own }: KindProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const id = useId();
  const { chat_id, seq, poll, content } = message;
  const [mine, setMine] = useState<readonly number[]>([]);
  const [asked, setAsked] = useState(message.results);
  // Events bring how it stands; what was answered to a request is older than the next event.
  const results = message.results ?? asked;
  useEffect(() => {
    if (seq === null) return;
    let wanted = true;
    bridge
      .chat(chat_id)
      .poll(seq)
      .then((view) => {
        if (!wanted) return;
        setMine(view.mine);
        setAsked(view.results);
      })
      // Without a network it is shown as it was last heard of.
      .catch(() => undefined);
    return () => {
      wanted = false;
    };
  }, [bridge, chat_id, seq]);
  if (poll === undefined) return null;
  const over = poll.closes_at !== undefined && Date.parse(poll.closes_at) <= Date.now();
  const closed = over || results?.closed_at !== undefined;

  const attempt = async (action: Promise<{ mine: number[]; results: typeof asked }>) => {
    try {
      const view = await action;
      setMine(view.mine);
      setAsked(view.results);
    } catch (error) {
      setMine(mine);
      complain(error);
    }
  };
  const choose = (option: number, chosen: boolean) => {
    if (seq === null) return;
    const others = poll.multiple === true ? mine.filter((one) => one !== option) : [];
    const options = chosen ? [...others, option].sort((a, b) => a - b) : others;
    setMine(options);
    void attempt(bridge.chat(chat_id).vote(seq, options));
  };
  const voters = results?.voters ?? 0;
  return (
    <fieldset className={css.poll} disabled={closed || seq === null}>
      <legend>{content}</legend>
      {poll.options.map((text, i) => {
        const count = results?.counts[i] ?? 0;
        return (
          <label key={text} className={css.option}>
            <span className={css.share} style={{ width: `${voters === 0 ? 0 : (count / voters) * 100}%` }} />
            <input
              type={poll.multiple === true ? 'checkbox' : 'radio'}
              name={id}
              checked={mine.includes(i)}
              onChange={({ target }) => choose(i, target.checked)}
            />
            <span>{text}</span>
            <b role="img" aria-label={t('poll.votes', { count })}>
              {count}
            </b>
          </label>
        );
      })}
      <div className={css.pollFoot}>
        <span>{closed ? t('poll.closed') : t('poll.voters', { count: voters })}</span>
        {poll.anonymous === true && <span>{t('poll.anonymous')}</span>}
        {!closed && poll.closes_at !== undefined && <span>{t('poll.until', { when: fullTime(poll.closes_at) })}</span>}
        {!closed && mine.length > 0 && (
          <button type="button" onClick={() => seq !== null && void attempt(bridge.chat(chat_id).vote(seq, []))}>
            {t('poll.takeBack')}
          </button>
        )}
        {!closed && own && seq !== null && (
          <button type="button" onClick={() => void attempt(bridge.chat(chat_id).closePoll(seq))}>
            {t('poll.close')}
          </button>
        )}
      </div>
    </fieldset>
  );
}
