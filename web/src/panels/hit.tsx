import type { Message, SearchHit } from '@tideline/sdk';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useProfile } from '../bridge/hooks.ts';
import { fullTime, shortTime } from '../i18n/times.ts';
import { previewOf } from '../messages/preview.ts';
import { Avatar } from '../ui/avatar.tsx';
import { cx } from '../ui/ui.tsx';
import css from './panel.module.css';

/** A message in a list of messages; a press shows it in its place. */
export function Hit({
  message,
  goTo,
  title,
  children,
  after,
}: {
  message: Message;
  goTo: (seq: number, message: Message) => void;
  /** What a press does, where that is not to show it in its place. */
  title?: string;
  children?: ReactNode;
  /** What can be done with it, beside the press. */
  after?: ReactNode;
}) {
  const { t } = useTranslation();
  const sender = useProfile(message.sender_id);
  const name = sender?.fullname ?? t('chat.deletedUser');
  return (
    <li className={cx(after !== undefined && after !== false && css.kept)}>
      <button
        type="button"
        className={css.hit}
        title={title ?? t('panel.goTo')}
        onClick={() => goTo(message.seq, message)}
      >
        <Avatar id={message.sender_id} name={name} image={sender?.avatar} size={32} />
        <span>
          <span className={css.hitHead}>
            <b>{name}</b>
            <time dateTime={message.created_at} title={fullTime(message.created_at)}>
              {shortTime(message.created_at)}
            </time>
          </span>
          <span className={css.hitText}>{children ?? previewOf(message, t)}</span>
        </span>
      </button>
      {after}
    </li>
  );
}

/** The snippet with what was found in it marked. */
export function highlighted({ snippet, highlights }: SearchHit): ReactNode[] {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const [from, before] of highlights) {
    parts.push(snippet.slice(end, from), <mark key={from}>{snippet.slice(from, before)}</mark>);
    end = before;
  }
  parts.push(snippet.slice(end));
  return parts;
}
